/**
 * The process target: the suite of every target with real processes, and in virtual time the order of
 * things, and that nothing runs on idle.
 */
import { expect } from "expect";
import { conformanceTests } from "../../testing/conformance.ts";
import { settle } from "../../testing/virtual_clock.ts";
import { engineCommand, engineWorld, modelSpec } from "./testdata/engine_world.ts";
import { virtualWorld as world } from "./testdata/virtual_world.ts";

const never = new AbortController().signal;

const PROCESSES = {
  sound: { command: engineCommand() },
  broken: { command: engineCommand("crash=ValueError: no such model") },
  stubborn: { command: engineCommand("loading=3", "deaf"), stopGraceMs: 300 },
};

conformanceTests("process", ({ kind }) => Promise.resolve(engineWorld(modelSpec(PROCESSES[kind]))));

Deno.test("a process that is up, or asleep, costs no timer", async () => {
  const { up, clock, target, processes } = world();
  expect(clock.timers).toBe(0);
  await up();
  expect(clock.timers).toBe(0);
  await target.sleep(never, never, "idle");
  processes.last.end();
  await settle();
  expect(clock.timers).toBe(0);
});

Deno.test("sleep sends SIGTERM, again SIGTERM, then SIGKILL", async () => {
  const { up, clock, target, processes, news } = world();
  await up();
  await target.sleep(never, never, "idle");
  const { signals } = processes.last;
  expect(signals).toEqual(["SIGTERM"]);
  await clock.advance(1_000);
  expect(signals).toEqual(["SIGTERM", "SIGTERM"]);
  await target.sleep(never, never, "idle");
  await clock.advance(18_999);
  expect(signals).toEqual(["SIGTERM", "SIGTERM"]);
  await clock.advance(1);
  expect(signals).toEqual(["SIGTERM", "SIGTERM", "SIGKILL"]);
  expect(news.at(-1)).toBe("ready 1");
  processes.last.end({ code: 137, signal: "SIGKILL" });
  await settle();
  expect(news.at(-1)).toBe("none 3");
});

Deno.test("a wake while the old process ends starts the next only when its group has gone", async () => {
  const { up, clock, target, processes, news, engine } = world();
  await up();
  await target.sleep(never, never, "idle");
  engine.up = false;
  expect(await target.wake(never)).toEqual({ outcome: "done", fence: 3 });
  expect(news.at(-1)).toBe("starting 3");
  processes.last.exitWith();
  await clock.advance(100);
  expect(processes.children.length).toBe(1);
  processes.last.end();
  await settle();
  expect(processes.children.length).toBe(2);
  engine.up = true;
  await clock.advance(100);
  expect(news.at(-1)).toBe("ready 3");
  expect(processes.last.signals).toEqual([]);
});

Deno.test("a process that ends while it is ready is none, and not a failed wake", async () => {
  const { up, processes, news } = world();
  await up();
  processes.last.end({ code: 1 });
  await settle();
  expect(news).toEqual(["starting 1", "ready 1", "starting 1", "none 1"]);
});

// The gate stayed open until the group had gone: a request was sent to the dead port four times within
// milliseconds and answered 502, instead of waiting for the next process.
Deno.test("a process that ended is not ready, told even before its group has gone", async () => {
  const { up, processes, target, news } = world();
  await up();
  processes.last.exitWith({ code: 1 });
  await settle();
  expect((await target.look(never)).workload.phase).toBe("starting");
  expect(news.at(-1)).toBe("starting 1");
});

Deno.test("a process that ends before it is ready is a failed wake, then none", async () => {
  const { clock, target, processes, news } = world();
  await target.wake(never);
  await clock.advance(1_000);
  processes.last.write("Traceback\nValueError: no such model\nbye\n");
  processes.last.end({ code: 1 });
  await settle();
  expect(news).toEqual([
    "starting 1",
    "crashed 1: the process exited with code 1 before it was ready: ValueError: no such model",
    "none 1",
  ]);
});

Deno.test("an answer that came after the process had ended is somebody else's", async () => {
  const { clock, target, processes, news, engine } = world();
  await target.wake(never);
  await clock.advance(1_000);
  processes.last.exitWith({ code: 1 });
  engine.up = true;
  await clock.advance(1_000);
  processes.last.end();
  await settle();
  expect(news.filter((each) => each.startsWith("ready"))).toEqual([]);
});

Deno.test("a process that was never spawned is a failed wake with its reason", async () => {
  const { target, processes, news } = world();
  processes.refusal = "command not found: vllm";
  await target.wake(never);
  await settle();
  expect(news).toEqual(["starting 1", "cannot_start 1: command not found: vllm", "none 1"]);
});

Deno.test("a stranger on a fixed port is a failed wake, and nothing is started", async () => {
  const { target, processes, news, engine } = world({ upstream: "http://localhost:8000/v" });
  engine.stranger = "accepted";
  await target.wake(never);
  await settle();
  expect(news[1]).toBe(
    "cannot_start 1: port 8000 is taken by another program: stop it first",
  );
  expect(processes.children).toEqual([]);
  engine.stranger = "refused";
  await target.wake(never);
  await settle();
  expect(processes.children.length).toBe(1);
});

Deno.test("a sleep before the process was spawned leaves nothing to spawn", async () => {
  const { target, processes, news } = world();
  await target.wake(never);
  await target.sleep(never, never, "idle");
  await settle();
  expect(processes.children).toEqual([]);
  expect(news).toEqual(["starting 1", "none 2"]);
});

Deno.test("a wake that nobody wants any more does not fail", async () => {
  const { target, news, engine } = world({ upstream: "http://localhost:8000" });
  engine.stranger = "accepted";
  await target.wake(never);
  await target.sleep(never, never, "idle");
  await settle();
  expect(news).toEqual(["starting 1", "none 2"]);
});

Deno.test("a wake, sleep and wake before the process was spawned spawn one", async () => {
  const { target, processes } = world();
  for (const command of ["wake", "sleep", "wake"] as const) {
    await target[command](never, never, "idle");
  }
  await settle();
  expect(processes.children.length).toBe(1);
});

Deno.test("nothing starts before the earlier target has gone, however that ended", async () => {
  for (const end of ["resolve", "reject"] as const) {
    const earlier = Promise.withResolvers<void>();
    const { target, processes } = world({}, earlier.promise);
    await target.wake(never);
    await settle();
    expect(processes.children).toEqual([]);
    earlier[end]();
    await settle();
    expect(processes.children.length).toBe(1);
  }
});

Deno.test("look waits for a process that was told to end, or for its signal", async () => {
  const { up, target, processes } = world();
  await up();
  await target.sleep(never, never, "idle");
  const controller = new AbortController();
  const aborted = target.look(controller.signal);
  controller.abort(new Error("too slow"));
  await expect(aborted).rejects.toThrow("too slow");

  const look = target.look(never);
  processes.last.end();
  expect(await look).toEqual({ workload: { phase: "none" }, asOf: 2 });
});

// It said nothing until the earlier one had gone: a model whose wake had timed out meanwhile stayed
// `unknown`, and its end was taken for a process that survives SIGKILL.
Deno.test("one that waits for an earlier target is asleep when told to, and ends at once", async () => {
  const earlier = Promise.withResolvers<void>();
  const { target, processes, news } = world({}, earlier.promise);
  await target.wake(never);
  await target.sleep(never, never, "idle");
  expect(news).toEqual(["starting 1", "none 2"]);
  expect((await target.look(never)).workload).toEqual({ phase: "none" });
  await target.wake(never);
  await target.close();
  earlier.resolve();
  await settle();
  expect(processes.children).toEqual([]);
});

Deno.test("a look that is called off after its answer harms nobody", async () => {
  const { up, target, processes } = world();
  const controller = new AbortController();
  await target.look(controller.signal);
  await up();
  await target.sleep(never, never, "idle");
  const look = target.look(controller.signal);
  processes.last.end();
  await look;
  controller.abort(new Error("late"));
  await settle();
});

Deno.test("look during a stop sees a wake that came meanwhile", async () => {
  const { up, target } = world();
  await up();
  await target.sleep(never, never, "idle");
  const look = target.look(never);
  await target.wake(never);
  expect(await look).toEqual({ workload: { phase: "starting" }, asOf: 3 });
});

Deno.test("a suspect that does not come back stays starting until it is told otherwise", async () => {
  const { up, clock, target, news, engine, processes } = world();
  await up();
  engine.up = false;
  target.suspect("http://127.0.0.1:20000");
  target.suspect("http://127.0.0.1:20000");
  await clock.advance(60_000);
  expect(news.slice(1)).toEqual(["ready 1", "starting 1"]);
  await target.sleep(never, never, "idle");
  processes.last.end();
  await settle();
  expect(news.slice(3)).toEqual(["none 2"]);
  expect(clock.timers).toBe(0);
});

Deno.test("close ends the process and is bounded if even SIGKILL does not", async () => {
  const { up, clock, target, processes, news } = world();
  await up();
  let closed = false;
  const before = news.length;
  const closing = target.close().then(() => closed = true);
  await clock.advance(29_999);
  expect(closed).toBe(false);
  expect(processes.last.signals).toEqual(["SIGTERM", "SIGTERM", "SIGKILL"]);
  await clock.advance(1);
  expect(closed).toBe(true);
  await closing;
  processes.last.end();
  await settle();
  expect(news.length).toBe(before);
  expect(clock.timers).toBe(0);
  expect((await target.wake(never)).outcome).toBe("unanswered");
});
