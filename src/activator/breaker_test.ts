import { expect } from "expect";
import { settle, VirtualClock } from "../testing/virtual_clock.ts";
import type { Permit } from "./admission.ts";
import { Breaker, type BreakerLimits } from "./breaker.ts";
import { ClusterUnreachable, ColdStartTimeout, Overloaded } from "./errors.ts";

const OPEN = { kind: "open", endpoints: ["http://a"] } as const;
const HOLD = { kind: "hold", maxMs: Infinity, error: () => new Error("held too long") } as const;

function world(limits: Partial<BreakerLimits> = {}) {
  const clock = new VirtualClock();
  const demands: string[] = [];
  const refused: string[] = [];
  const fence = { isUp: false };
  const breaker = new Breaker({
    model: "m",
    limits: { pendingMax: 512, inFlightMax: 0, pendingTimeoutMs: 60_000, ...limits },
    clock,
    onDemand: () => {
      const { pending, inFlight } = breaker.demand;
      demands.push(`${pending}/${inFlight}`);
    },
    onRefused: (endpoint) => refused.push(endpoint),
    isFenced: () => fence.isUp,
    progress: () => "loading for 5 s: pod a",
  });
  /** Asks for a permit; `outcome` says how it went so far. */
  const ask = (options: { timeoutMs?: number } = {}) => {
    const controller = new AbortController();
    const asked = { outcome: "waiting" as Permit | "waiting" | Error, controller };
    const settled = (outcome: Permit | Error) => asked.outcome = outcome;
    try {
      const permit = breaker.acquire({ signal: controller.signal, ...options });
      if (permit instanceof Promise) permit.then(settled, settled);
      else settled(permit);
    } catch (error) {
      settled(error as Error);
    }
    return asked;
  };
  return { clock, breaker, demands, refused, ask, fence };
}

const isPermit = (outcome: unknown) => typeof outcome === "object" && "endpoint" in outcome!;

Deno.test("Breaker gives a permit in the same tick when the gate is open", () => {
  const { breaker, ask, demands } = world();
  breaker.setGate(OPEN);
  const { outcome } = ask();
  expect(outcome).toMatchObject({ endpoint: "http://a", coldStartMs: undefined });
  (outcome as Permit)[Symbol.dispose]();
  (outcome as Permit)[Symbol.dispose]();
  expect(breaker.demand).toEqual({ pending: 0, inFlight: 0 });
  expect(demands.slice(-2)).toEqual(["0/1", "0/0"]);
});

Deno.test("Breaker serves 200 waiters in order, all at once, when its gate opens", async () => {
  const { clock, breaker } = world();
  const order: number[] = [];
  for (let i = 0; i < 200; i++) {
    const signal = new AbortController().signal;
    Promise.resolve(breaker.acquire({ signal })).then(() => order.push(i));
  }
  await clock.advance(3_000);
  expect(breaker.demand).toEqual({ pending: 200, inFlight: 0 });
  breaker.setGate(OPEN);
  await settle();
  expect(order).toEqual(Array.from({ length: 200 }, (_, i) => i));
  expect(breaker.demand).toEqual({ pending: 0, inFlight: 200 });
});

Deno.test("Breaker tells how long a request waited for the start, not for a slot", async () => {
  const { clock, breaker, ask } = world({ inFlightMax: 1 });
  const cold = ask();
  await clock.advance(2_000);
  breaker.setGate(OPEN);
  const queued = ask();
  await settle();
  expect(cold.outcome).toMatchObject({ coldStartMs: 2_000 });
  expect(queued.outcome).toBe("waiting");
  (cold.outcome as Permit)[Symbol.dispose]();
  await settle();
  expect(queued.outcome).toMatchObject({ coldStartMs: undefined });
});

Deno.test("Breaker lets nobody overtake: a newcomer queues behind those who wait", async () => {
  const { breaker, ask } = world({ inFlightMax: 1 });
  breaker.setGate(OPEN);
  const [first, second] = [ask(), ask()];
  (first.outcome as Permit)[Symbol.dispose]();
  const third = ask();
  await settle();
  expect(isPermit(second.outcome)).toBe(true);
  expect(third.outcome).toBe("waiting");
});

Deno.test("Breaker refuses the one too many at once", () => {
  const { breaker, ask } = world({ pendingMax: 2 });
  breaker.setGate(HOLD);
  ask();
  ask();
  expect(ask().outcome).toBeInstanceOf(Overloaded);
  expect(breaker.demand.pending).toBe(2);
});

Deno.test("Breaker lets a waiter go whose client has gone, and serves those behind it", async () => {
  const { breaker, ask, demands } = world();
  const [gone, stays] = [ask(), ask()];
  gone.controller.abort(new Error("client gone"));
  await settle();
  expect(gone.outcome).toMatchObject({ message: "client gone" });
  breaker.setGate(OPEN);
  await settle();
  expect(isPermit(stays.outcome)).toBe(true);
  expect(demands.at(-1)).toBe("0/1");
});

Deno.test("Breaker refuses a client that had gone before it asked", () => {
  const { breaker, ask } = world();
  breaker.setGate(OPEN);
  const controller = new AbortController();
  controller.abort(new Error("gone"));
  expect(() => breaker.acquire({ signal: controller.signal })).toThrow("gone");
  expect(isPermit(ask().outcome)).toBe(true);
});

Deno.test("Breaker ends a wait at the request's own limit", async () => {
  const { clock, ask, breaker } = world();
  const [short, long] = [ask({ timeoutMs: 1_000 }), ask()];
  await clock.advance(1_000);
  expect(short.outcome).toBeInstanceOf(ColdStartTimeout);
  expect((short.outcome as Error).message).toMatch(/loading for 5 s: pod a$/);
  expect(long.outcome).toBe("waiting");
  expect(breaker.demand.pending).toBe(1);
});

Deno.test("Breaker ends a wait for a slot after pendingTimeout, counted from when the gate opened", async () => {
  const { clock, breaker, ask } = world({ inFlightMax: 1 });
  const [served, queued] = [ask(), ask()];
  await clock.advance(300_000);
  breaker.setGate(OPEN);
  await clock.advance(59_999);
  expect(isPermit(served.outcome)).toBe(true);
  expect(queued.outcome).toBe("waiting");
  await clock.advance(1);
  expect(queued.outcome).toBeInstanceOf(Overloaded);
});

Deno.test("Breaker ends a hold after its maximum, one waiter after the other", async () => {
  const { clock, breaker, ask } = world();
  const error = () => new ClusterUnreachable("m", "nobody knows");
  breaker.setGate({ kind: "hold", maxMs: 10_000, error });
  const first = ask();
  await clock.advance(6_000);
  const second = ask();
  await clock.advance(4_000);
  expect(first.outcome).toBeInstanceOf(ClusterUnreachable);
  expect(second.outcome).toBe("waiting");
  await clock.advance(6_000);
  expect(second.outcome).toBeInstanceOf(ClusterUnreachable);
});

Deno.test("Breaker refuses those who wait and those who come when the gate is shut", async () => {
  const { breaker, ask } = world();
  const waiter = ask();
  breaker.setGate({ kind: "shut", error: () => new Error("no") });
  await settle();
  expect(waiter.outcome).toMatchObject({ message: "no" });
  expect(ask().outcome).toMatchObject({ message: "no" });
  expect(breaker.demand).toEqual({ pending: 0, inFlight: 0 });
});

Deno.test("Breaker sends the next request to the endpoint with the fewest in flight", () => {
  const { breaker, ask } = world();
  breaker.setGate({ kind: "open", endpoints: ["http://a", "http://b"] });
  const permits = [ask(), ask(), ask()].map(({ outcome }) => outcome as Permit);
  expect(permits.map(({ endpoint }) => endpoint)).toEqual(["http://a", "http://b", "http://a"]);
  permits[1]![Symbol.dispose]();
  breaker.setGate({ kind: "open", endpoints: ["http://b", "http://a", "http://c"] });
  expect((ask().outcome as Permit).endpoint).toBe("http://b");
  expect((ask().outcome as Permit).endpoint).toBe("http://c");
});

Deno.test("Breaker passes on which endpoint refused", () => {
  const { breaker, ask, refused } = world();
  breaker.setGate(OPEN);
  (ask().outcome as Permit).refused();
  expect(refused).toEqual(["http://a"]);
});

Deno.test("Breaker sets no timer for waits without a limit, one for a thousand with one", () => {
  const { clock, breaker, ask } = world({ pendingMax: 2_000 });
  for (let i = 0; i < 1_000; i++) ask();
  expect(clock.timers).toBe(0);
  breaker.setGate({ kind: "hold", maxMs: 1_000, error: () => new Error("late") });
  expect(clock.timers).toBe(1);
});

// An earlier end than the timer's would be missed: the timer is set for the first end that was known.
Deno.test("Breaker ends a wait on time when the gate opens onto an earlier end", async () => {
  const { clock, breaker, ask } = world({ inFlightMax: 1 });
  breaker.setGate({ kind: "hold", maxMs: 600_000, error: () => new Error("late") });
  ask();
  const queued = ask();
  await clock.advance(1_000);
  breaker.setGate(OPEN);
  breaker.setGate({ kind: "open", endpoints: ["http://b"] });
  await clock.advance(30_000);
  // News of endpoints is no new opening.
  breaker.setGate(OPEN);
  await clock.advance(30_000);
  expect(queued.outcome).toBeInstanceOf(Overloaded);
});

Deno.test("Breaker leaves neither timer nor listener behind when a wait ends, however it ends", async () => {
  const { clock, breaker } = world();
  let listeners = 0;
  class Counted extends EventTarget {
    override addEventListener(...args: Parameters<EventTarget["addEventListener"]>): void {
      listeners++;
      super.addEventListener(...args);
    }
    override removeEventListener(...args: Parameters<EventTarget["removeEventListener"]>): void {
      listeners--;
      super.removeEventListener(...args);
    }
    throwIfAborted() {}
  }
  const wait = () => {
    const signal = new Counted() as AbortSignal;
    const wait = Promise.resolve(breaker.acquire({ signal, timeoutMs: 1_000 })).catch(() => {});
    return { signal, wait };
  };
  const waits = [wait(), wait(), wait(), wait()];
  waits[0]!.signal.dispatchEvent(new Event("abort"));
  breaker.refuseWaiters(() => new Error("no"));
  waits.push(wait());
  await clock.advance(1_000);
  waits.push(wait());
  breaker.setGate(OPEN);
  await Promise.all(waits.map(({ wait }) => wait));
  expect([listeners, clock.timers]).toEqual([0, 0]);
});

Deno.test("Breaker grants nothing while it is fenced, neither to who comes nor to who waits for a slot", async () => {
  const { clock, breaker, ask, fence } = world({ inFlightMax: 1 });
  breaker.setGate(OPEN);
  const first = ask();
  const queued = ask();
  fence.isUp = true;
  (first.outcome as Permit)[Symbol.dispose]();
  await settle();
  const late = ask();
  expect([breaker.hasRoom, queued.outcome, late.outcome]).toEqual([false, "waiting", "waiting"]);
  fence.isUp = false;
  breaker.release();
  await settle();
  expect([isPermit(queued.outcome), late.outcome]).toEqual([true, "waiting"]);
  expect((queued.outcome as Permit).coldStartMs).toBe(undefined);
  fence.isUp = true;
  (queued.outcome as Permit)[Symbol.dispose]();
  await clock.advance(60_000);
  expect(late.outcome).toMatchObject({
    message: "Cannot tell within 60 s whether other gateways have stopped model 'm'",
  });
});

Deno.test("Breaker counts the wait of one that waits for a slot as cold once the gate closes", async () => {
  const { clock, breaker, ask } = world({ inFlightMax: 1 });
  breaker.setGate(OPEN);
  const first = ask();
  const queued = ask();
  breaker.setGate(HOLD);
  (first.outcome as Permit)[Symbol.dispose]();
  await clock.advance(3_000);
  breaker.setGate(OPEN);
  await settle();
  expect((queued.outcome as Permit).coldStartMs).toBe(3_000);
});
