/** One life of a process on the real machine: what it gets, how it ends, and what is left of it. */
import { expect } from "expect";
import type { TargetObserver, Workload } from "../../activator/scale_target.ts";
import type { ModelSpec, ProcessSpec } from "../../config/spec.ts";
import { systemTcp } from "../../platform/tcp.ts";
import { engineCommand, engineWorld, modelSpec } from "./testdata/engine_world.ts";

const never = new AbortController().signal;

function watched(process: Partial<ProcessSpec>, model: Partial<ModelSpec> = {}) {
  const world = engineWorld(modelSpec(process, model));
  const failures: string[] = [];
  let workload: Workload | undefined;
  const observer: TargetObserver = {
    progressed: () => {},
    lapsed() {},
    pinned() {},
    unfenced() {},
    saw: (observation) => workload = observation.workload,
    failed: ({ kind, message }) => failures.push(`${kind}: ${message}`),
  };
  world.target.subscribe(observer);
  const sees = (phase: Workload["phase"]) => world.until(() => workload?.phase === phase);
  return {
    ...world,
    failures,
    sees,
    /** Wakes it and waits; its base URL. */
    async up(): Promise<string> {
      await world.target.wake(never);
      await sees("ready");
      return workload?.phase === "ready" ? workload.endpoints[0]! : "";
    },
    /** Why its wake fails. */
    async failure(): Promise<string> {
      await world.target.wake(never);
      await sees("none");
      return failures.join("; ");
    },
  };
}

Deno.test("the process gets its port, environment and folder, and is measured", async () => {
  const folder = await Deno.realPath(await Deno.makeTempDir());
  await using world = watched({ env: { TEST_VALUE: "on ${PORT}" }, cwd: folder });
  const endpoint = await world.up();
  const { port } = new URL(endpoint);
  expect(await (await fetch(`${endpoint}/env`)).json()).toEqual({
    value: `on ${port}`,
    cwd: folder,
  });
  expect(await world.target.measure(never, true)).toEqual({ busy: 2, served: "5" });
  await Deno.remove(folder);
});

Deno.test("a fixed upstream fixes the port, and a stranger there is told of", async () => {
  const port = systemTcp.freePort();
  await using world = watched({}, { upstream: `http://localhost:${port}` });
  const stranger = Deno.listen({ hostname: "127.0.0.1", port });
  expect(await world.failure()).toBe(
    `cannot_start: port ${port} is taken by another program: stop it first`,
  );
  stranger.close();
  expect(await world.up()).toBe(`http://localhost:${port}`);
  // The port is free again for the next process.
  await world.target.sleep(never, never, "idle");
  await world.target.wake(never);
  await world.sees("starting");
  await world.sees("ready");
});

Deno.test("a start that cannot be says why", async () => {
  await using missing = watched({ command: ["no-such-engine", "serve"] });
  expect(await missing.failure()).toBe("cannot_start: command not found: no-such-engine");
  await using homeless = watched({ cwd: "/no/such/folder" });
  expect(await homeless.failure()).toBe("cannot_start: no such directory: /no/such/folder");
});

Deno.test("a start that dies says what the process said, and how it ended", async () => {
  await using crashed = watched({ command: engineCommand("crash=ValueError: no such model") });
  expect(await crashed.failure()).toBe(
    "crashed: the process exited with code 1 before it was ready: ValueError: no such model",
  );
  await using full = watched({ command: engineCommand("crash=torch.OutOfMemoryError: CUDA") });
  expect(await full.failure()).toMatch(/^out_of_memory: /);
  await using killed = watched({ command: ["sh", "-c", "kill -s KILL $$"] });
  expect(await killed.failure()).toMatch(/^out_of_memory: .*SIGKILL/);
});

Deno.test("a process that dies while it is ready is none, and its end is in the log", async () => {
  await using world = watched({});
  const endpoint = await world.up();
  await fetch(`${endpoint}/exit`).catch(() => {});
  await world.sees("none");
  expect(world.failures).toEqual([]);
  const told = world.lines.find(({ msg }) => msg === "process ended by itself");
  expect(told).toMatchObject({ level: "error", model: "tiny", ended: "exited with code 7" });
  expect(world.lines).toContainEqual(
    expect.objectContaining({ level: "info", msg: "loading", model: "tiny", stream: "stdout" }),
  );
  await world.up();
});

Deno.test("sleep ends the children of the process too", async () => {
  await using world = watched({ command: engineCommand("child") });
  await world.up();
  const line = world.lines.map(({ msg }) => String(msg)).find((msg) => msg.startsWith("child "));
  const stat = `/proc/${line!.split(" ")[1]}/stat`;
  const isRunning = () => {
    try {
      return !/^\d+ \(.*\) [ZX]/.test(Deno.readTextFileSync(stat));
    } catch {
      return false;
    }
  };
  expect(isRunning()).toBe(true);
  await world.target.sleep(never, never, "idle");
  await world.sees("none");
  await world.until(() => !isRunning());
});

Deno.test("a process that loads for ever and ignores SIGTERM is ended by close", async () => {
  const world = watched({ command: engineCommand("never", "deaf"), stopGraceMs: 200 });
  await world.target.wake(never);
  await world.until(() => world.lines.some(({ msg }) => msg === "loading"));
  await world.target.close();
  expect(world.lines).toContainEqual(
    expect.objectContaining({ msg: "process stopped", ended: "was killed by SIGKILL" }),
  );
});
