import { expect } from "expect";
import { Store } from "./store.js";

const VIEW = {
  ...{ name: "m", state: "idle", since: at(0), reason: "ready", pending: 0, inFlight: 0 },
  ...{ target: "fake", sleepsInSeconds: 60, idleTimeoutSeconds: 300, progress: null, phases: {} },
  failure: null,
};

/** By the gateway's clock, which is an hour ahead. */
function at(seconds: number): string {
  return new Date(3_600_000 + seconds * 1_000).toISOString();
}

function change(seconds: number, was: string, state: string) {
  return { name: "change", data: { model: "m", at: at(seconds), was, state, reason: "it says" } };
}

function storeAt(nowMs: number, changes: unknown[] = []) {
  const store = new Store();
  store.take({ name: "models", data: [VIEW] }, nowMs);
  store.takeHistory(
    { now: at(nowMs / 1_000), since: at(-50), models: [{ name: "m", changes, lastWake: null }] },
    nowMs,
  );
  return store;
}

Deno.test("Store tells moments by the clock of the machine that shows them", () => {
  const store = storeAt(10_000);
  expect(store.models.get("m")).toMatchObject({ sinceMs: 0, sleepsAtMs: 70_000 });
  expect(store.sinceMs).toBe(-50_000);
});

Deno.test("Store takes what an older gateway leaves out for unknown", () => {
  expect(storeAt(0).models.get("m")).toMatchObject({
    ...{ replicas: null, pods: [], gpu: null, pinnedUntilMs: null },
  });
});

Deno.test("Store shows a change of state at once, before the model's numbers come", () => {
  const store = storeAt(10_000);
  const before = store.models.get("m");
  store.take(change(10, "idle", "stopping"), 10_000);
  expect(store.models.get("m")).toMatchObject({
    ...{ state: "stopping", reason: "it says", sleepsAtMs: null, sinceMs: 10_000, failure: null },
  });
  // Another object: that is how a row knows.
  expect(before).toMatchObject({ state: "idle" });
  expect(store.historyOf("m").changes).toEqual([{
    atMs: 10_000,
    state: "stopping",
    reason: "it says",
  }]);
  store.take({ name: "model", data: { ...VIEW, state: "asleep" } }, 11_000);
  expect(store.models.get("m")).toMatchObject({ state: "asleep" });
});

// "Sleeps in" was lost: the gateway says that a model is idle once that has lasted, behind the model itself.
Deno.test("Store keeps what it knows of a model when a change to the state that it shows comes late", () => {
  const store = storeAt(10_000);
  store.take(change(10, "active", "idle"), 11_000);
  expect(store.models.get("m")).toMatchObject({ state: "idle", sleepsAtMs: 70_000 });
});

Deno.test("Store adds no change for active and idle, which are one", () => {
  const store = storeAt(10_000);
  store.take(change(10, "idle", "active"), 10_000);
  expect(store.historyOf("m").changes).toEqual([]);
});

Deno.test("Store keeps what the stream told while the history was on its way, once", () => {
  const store = new Store();
  store.take({ name: "models", data: [VIEW] }, 0);
  store.take(change(-3_590, "idle", "stopping"), 0);
  store.take(change(-3_580, "stopping", "asleep"), 0);
  const changes = [{ at: at(-3_590), state: "stopping", reason: "it says" }];
  const models = [{ name: "m", changes, lastWake: null }];
  store.takeHistory({ now: new Date(0).toISOString(), since: at(-3_600), models }, 0);
  expect(store.historyOf("m").changes.map(({ state }: { state: string }) => state))
    .toEqual(["stopping", "asleep"]);
});

Deno.test("Store forgets a model that is not among all models any more", () => {
  const store = storeAt(0);
  store.take({ name: "models", data: [] }, 0);
  expect(store.models.size).toBe(0);
});
