/** All models together: what a reload, a drain and the end do to each, over fake targets. */
import { expect } from "expect";
import type { ModelSpec } from "../config/spec.ts";
import { silentLog } from "../telemetry/log.ts";
import { FakeTarget } from "../testing/fake_target.ts";
import { settle, VirtualClock } from "../testing/virtual_clock.ts";
import { Activator } from "./activator.ts";
import type { Permit } from "./admission.ts";
import { Draining, ModelUnavailable } from "./errors.ts";

const LOADING_MS = 1_000;

function spec(name: string, changed: Partial<ModelSpec> = {}): ModelSpec {
  return {
    ...{ name, aliases: [], adapters: [], scale: { kind: "external" }, enabled: true },
    ...{ idleTimeoutMs: 60_000, coldStartTimeoutMs: 120_000, retryAfterMaxMs: 300_000 },
    ...{ pendingMax: 512, inFlightMax: 0, pendingTimeoutMs: 60_000, responseTimeoutMs: Infinity },
    ...{ earlyHeadersAfterMs: Infinity, keepAliveIntervalMs: 10_000, keepAliveJson: false },
    ...{ connectTimeoutMs: 2_000, unschedulableGraceMs: 120_000 },
    engine: { name: "test", healthPath: "/health" },
    ...changed,
  };
}

function world(...local: string[]) {
  const clock = new VirtualClock();
  /** Targets in the order of their making, and which of them may start. */
  const targets: FakeTarget[] = [];
  const free: FakeTarget[] = [];
  const activator = new Activator({
    clock,
    log: silentLog,
    createTarget({ name }, after) {
      const target = new FakeTarget(clock);
      target.local = local.includes(name);
      targets.push(target);
      after.then(() => free.push(target));
      return target;
    },
  });
  const request = (name: string) => {
    const signal = new AbortController().signal;
    const permit = Promise.try(() => activator.find(name)!.admit({ signal }));
    permit.catch(() => {});
    return permit;
  };
  /** A request that is answered for as long as its permit is held. */
  const answering = async (name: string): Promise<Permit> => {
    const permit = request(name);
    await clock.advance(2 * LOADING_MS);
    return await permit;
  };
  return { clock, targets, free, activator, request, answering };
}

Deno.test("Activator.add() makes a model that may start at once", async () => {
  const { targets, free, activator, answering } = world();
  activator.add(spec("m"));
  using _answer = await answering("m");
  expect(free).toEqual(targets);
  expect([...activator.activations].map(({ model, state }) => `${model} ${state}`))
    .toEqual(["m active"]);
  expect(activator.find("n")).toBe(undefined);
});

Deno.test("Activator.update() changes a model without touching its target", async () => {
  const { clock, targets, activator, request, answering } = world();
  activator.add(spec("m"));
  const answer = await answering("m");
  activator.update(spec("m", { inFlightMax: 1, pendingMax: 1 }));
  const queued = request("m");
  await expect(request("m")).rejects.toThrow("pendingMax");
  answer[Symbol.dispose]();
  (await queued)[Symbol.dispose]();
  activator.update(spec("m", { enabled: false }));
  await expect(request("m")).rejects.toBeInstanceOf(ModelUnavailable);
  await clock.advance(5_000);
  expect(targets.map(({ commands }) => commands)).toEqual([["wake", "sleep"]]);
  activator.update(spec("unknown"));
});

Deno.test("Activator.remove() lets a model answer what it has, and ends it then", async () => {
  const { clock, targets: [target], activator, request, answering } = started("m");
  const answer = await answering("m");
  activator.update(spec("m", { inFlightMax: 1 }));
  const queued = request("m");
  activator.remove("m");
  expect(activator.find("m")).toBe(undefined);
  await clock.advance(10_000);
  answer[Symbol.dispose]();
  const last = await queued;
  expect(target!.closed).toBe(undefined);
  last[Symbol.dispose]();
  expect(target!.closed).toBe("gently");
  activator.remove("m");
});

Deno.test("Activator.remove() ends a model that nobody uses at once", () => {
  const { targets: [target], activator } = started("m");
  activator.remove("m");
  expect(target!.closed).toBe("gently");
});

Deno.test("Activator.remove() ends a model whose waiters are refused", async () => {
  const { clock, targets: [target], activator, request } = started("m");
  target!.weather = { ...target!.weather, cannotWake: () => true };
  const waiting = request("m");
  activator.remove("m");
  await clock.advance(2 * LOADING_MS);
  await expect(waiting).rejects.toBeInstanceOf(ModelUnavailable);
  expect(target!.closed).toBe("gently");
});

Deno.test("Activator.remove() ends a model whose waiters leave", async () => {
  const { clock, targets: [target], activator } = started("m");
  const client = new AbortController();
  const waiting = Promise.resolve(activator.find("m")!.admit({ signal: client.signal }));
  activator.remove("m");
  await clock.advance(100);
  client.abort(new Error("gone"));
  await expect(waiting).rejects.toThrow("gone");
  expect(target!.closed).toBe("gently");
});

Deno.test("Activator.replace() lets the new target start only when the old one has ended", async () => {
  const { clock, targets, free, activator, request, answering } = started("m");
  const [old] = targets;
  const oldEnd = Promise.withResolvers<void>();
  old!.close = () => oldEnd.promise;
  const answer = await answering("m");
  activator.replace(spec("m"));
  const [, young] = targets;
  const next = request("m");
  await clock.advance(10_000);
  expect(free).toEqual([old]);
  answer[Symbol.dispose]();
  await settle();
  expect(free).toEqual([old]);
  oldEnd.resolve();
  await settle();
  expect(free).toEqual([old, young]);
  (await next)[Symbol.dispose]();
});

Deno.test("Activator.replace() twice: the third waits for both before it, and for no other model", async () => {
  const { targets, free, activator, answering } = started("m", "n");
  const [first, other] = targets;
  const firstAnswer = await answering("m");
  using _otherAnswer = await answering("n");
  activator.remove("n");
  activator.replace(spec("m"));
  const [, , second] = targets;
  const secondAnswer = await answering("m");
  activator.replace(spec("m"));
  const [, , , third] = targets;
  activator.add(spec("k"));
  await settle();
  expect(free).toEqual([first, other, targets[4]]);
  secondAnswer[Symbol.dispose]();
  await settle();
  expect(free).not.toContain(third);
  firstAnswer[Symbol.dispose]();
  await settle();
  expect(free).toContain(second);
  expect(free).toContain(third);
});

Deno.test("Activator.add() of a model that was removed waits for its last answer", async () => {
  const { targets, free, activator, answering } = started("m");
  const answer = await answering("m");
  activator.remove("m");
  activator.add(spec("m"));
  await settle();
  expect(free).toEqual([targets[0]]);
  answer[Symbol.dispose]();
  await settle();
  expect(free).toEqual(targets);
});

Deno.test("Activator.giveUp() refuses everybody who waits, and nobody who is served", async () => {
  const { activator, clock } = world();
  activator.add(spec("warm"));
  activator.add(spec("cold"));
  const served = activator.find("warm")!.admit({ signal: new AbortController().signal });
  await clock.advance(10 * LOADING_MS);
  using _permit = await served;
  const waits = Promise.resolve(
    activator.find("cold")!.admit({ signal: new AbortController().signal }),
  );
  const told = expect(waits).rejects.toThrow(Draining);
  await settle();
  activator.giveUp();
  await told;
  expect(activator.find("warm")!.demand).toEqual({ pending: 0, inFlight: 1 });
  await activator.close();
});

Deno.test("Activator.drain() refuses those who wait for what ends with it, and nobody else", async () => {
  const { clock, activator, request, answering } = started("local", "cluster", "gone");
  using _answer = await answering("local");
  activator.update(spec("local", { inFlightMax: 1 }));
  const forSlot = request("local");
  const [forCluster, forGone] = [request("cluster"), request("gone")];
  activator.remove("gone");
  activator.drain();
  await expect(forGone).rejects.toBeInstanceOf(Draining);
  await clock.advance(2 * LOADING_MS);
  (await forCluster)[Symbol.dispose]();
  expect(activator.find("local")!.demand).toEqual({ pending: 1, inFlight: 1 });
  await activator.close();
  await expect(forSlot).rejects.toBeInstanceOf(Draining);
});

for (const how of ["gently", "kill"] as const) {
  Deno.test(`Activator.close() ends every target ${how}, of removed models too`, async () => {
    const { targets, activator, answering } = started("m", "n");
    using _answer = await answering("m");
    activator.remove("m");
    await activator.close(how === "kill" ? how : undefined);
    expect(targets.map(({ closed }) => closed)).toEqual([how, how]);
  });
}

/** A world with these models; `local` and `gone` are processes. */
function started(...names: string[]) {
  const made = world("local", "gone");
  for (const name of names) made.activator.add(spec(name));
  return made;
}
