/** The talk with one target that answers late, or when nobody waits any more. */
import { expect } from "expect";
import { settle, VirtualClock } from "../testing/virtual_clock.ts";
import { ASK_TIMEOUT_MS, Conversation, SLEEP_TIMEOUT_MS } from "./conversation.ts";
import type { Ask, LifecycleEvent } from "./lifecycle.ts";
import type { ScaleTarget } from "./scale_target.ts";
import { NO_DETAILS } from "./target_details.ts";

const READY = { phase: "ready", endpoints: ["http://a"] } as const;

/** A conversation with a target that answers as the test says, and takes no notice of signals. */
function world() {
  const clock = new VirtualClock();
  const events: LifecycleEvent[] = [];
  const calls: { ask: Ask; answer: (result: unknown) => void }[] = [];
  const called = <T>(ask: Ask) =>
    new Promise<T>((answer) => calls.push({ ask, answer: answer as (result: unknown) => void }));
  const target: ScaleTarget = {
    name: "fake",
    local: false,
    isFenced: false,
    details: NO_DETAILS,
    subscribe() {},
    look: () => called("look"),
    wake: () => called("wake"),
    sleep: () => called("sleep"),
    measure: () => called("measure"),
    agree: () => called("agree"),
    pin: () => Promise.resolve(undefined),
    use() {},
    suspect() {},
    close: () => Promise.resolve(),
  };
  let free = 0;
  const conversation = new Conversation({
    target,
    clock,
    onEvent: (event) => void events.push(event),
    onFree: () => void free++,
    onUnfenced() {},
    onPinned() {},
  });
  /** Asks, and lets the target answer `result`, or not. */
  const ask = async (ask: Ask, result?: unknown) => {
    void conversation.ask(ask);
    const call = calls.at(-1)!;
    if (result === undefined) {
      await clock.advance(ask === "sleep" ? SLEEP_TIMEOUT_MS : ASK_TIMEOUT_MS);
    } else call.answer(result);
    await settle();
    return call;
  };
  return { clock, conversation, events, ask, free: () => free };
}

Deno.test("Conversation gives up an ask after its limit, and can ask again", async () => {
  const { clock, conversation, events, ask, free } = world();
  await ask("look");
  expect(events).toEqual([{ type: "unanswered", message: "no answer within 30 s" }]);
  expect([conversation.isBusy, free(), clock.timers]).toEqual([false, 1, 0]);
  await ask("measure");
  expect(events[1]).toEqual({ type: "measured", usage: { busy: Infinity, served: "" } });
});

// A sleep that was given up set the fence when its answer came: behind that of the wake after it.
Deno.test("Conversation believes no answer that comes after it was given up", async () => {
  const { conversation, events, ask } = world();
  const sleep = await ask("sleep");
  await ask("wake", { outcome: "done", fence: 7 });
  sleep.answer({ outcome: "done", fence: 3 });
  await settle();
  conversation.saw({ workload: READY, asOf: 5 });
  expect(events.map(({ type }) => type)).toEqual(["unanswered", "told"]);
  conversation.saw({ workload: READY, asOf: 7 });
  expect(events.at(-1)).toEqual({ type: "saw", phase: "ready" });
});

Deno.test("Conversation believes no look that was given up, nor any news until the next look", async () => {
  const { conversation, events, ask } = world();
  const early = await ask("look");
  await ask("sleep", { outcome: "unanswered", message: "no route" });
  early.answer({ workload: READY, asOf: 1 });
  await settle();
  conversation.saw({ workload: READY, asOf: 2 });
  conversation.failed({ kind: "crashed", message: "exit 1" }, 2);
  expect(events.map(({ type }) => type)).toEqual(["unanswered", "unanswered"]);
  await ask("look", { workload: { phase: "none" }, asOf: 3 });
  conversation.saw({ workload: READY, asOf: 3 });
  expect(events.slice(2)).toEqual([{ type: "looked", phase: "none" }]);
  conversation.saw({ workload: READY, asOf: 4 });
  expect(events.at(-1)).toEqual({ type: "saw", phase: "ready" });
});

Deno.test("Conversation tells the news of a command's time after its outcome, and only the last", async () => {
  const { conversation, events, ask } = world();
  const wake = ask("wake", { outcome: "done", fence: 4 });
  conversation.saw({ workload: { phase: "starting" }, asOf: 4 });
  conversation.saw({ workload: READY, asOf: 4 });
  conversation.failed({ kind: "crashed", message: "of the one before" }, 3);
  expect(events).toEqual([]);
  await wake;
  expect(events).toEqual([{ type: "told" }, { type: "saw", phase: "ready" }]);
});

Deno.test("Conversation takes of a command whose state was left the fence, and nothing else", async () => {
  const { conversation, events, ask } = world();
  const sleep = ask("sleep", { outcome: "done", fence: 9 });
  conversation.leave();
  await sleep;
  conversation.saw({ workload: { phase: "none" }, asOf: 8 });
  expect(events).toEqual([]);
  conversation.saw({ workload: { phase: "none" }, asOf: 9 });
  expect(events).toEqual([{ type: "saw", phase: "none" }]);
});

Deno.test("Conversation gives up a look whose state was left: the next ask need not wait for it", async () => {
  const { conversation, events, free } = world();
  void conversation.ask("look");
  conversation.leave();
  await settle();
  expect([conversation.isBusy, free(), events]).toEqual([false, 1, []]);
});

Deno.test("Conversation is silent once it is closed", async () => {
  const { conversation, events, ask, free } = world();
  const look = ask("look", { workload: READY, asOf: 1 });
  conversation.close();
  await look;
  conversation.saw({ workload: READY, asOf: 2 });
  expect([events, free()]).toEqual([[], 0]);
});

// The announcement that it did not take away may still stand, and its zero come.
Deno.test("Conversation believes no news after a wake that lost, until the next is done", async () => {
  const { conversation, events, ask } = world();
  await ask("look", { workload: READY, asOf: 1 });
  await ask("wake", { outcome: "conflict" });
  conversation.saw({ workload: READY, asOf: 1 });
  expect(events.map(({ type }) => type)).toEqual(["looked", "conflict"]);
  await ask("wake", { outcome: "done", fence: 2 });
  conversation.saw({ workload: READY, asOf: 2 });
  expect(events.at(-1)).toEqual({ type: "saw", phase: "ready" });
});

Deno.test("Conversation believes no news before its first look: others may not know of us", async () => {
  const { conversation, events, ask } = world();
  conversation.saw({ workload: READY, asOf: 5 });
  expect(events).toEqual([]);
  await ask("look", { workload: READY, asOf: 5 });
  expect(events).toEqual([{ type: "looked", phase: "ready" }]);
});
