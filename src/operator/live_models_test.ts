import { expect } from "expect";
import { VirtualClock } from "../testing/virtual_clock.ts";
import { LiveModels } from "./live_models.ts";
import type { ModelView } from "./model_view.ts";

function view(name: string, more: Partial<ModelView> & Record<string, unknown> = {}): ModelView {
  return {
    ...{ name, state: "asleep", since: "2026-01-01T00:00:00.000Z", reason: "found at zero" },
    ...{ pending: 0, inFlight: 0, target: "fake", sleepsInSeconds: null, idleTimeoutSeconds: 300 },
    ...{ progress: null, phases: {}, failure: null, pinnedUntil: null },
    ...{ replicas: null, pods: [], gpu: null },
    ...more,
  };
}

function world(views: () => ModelView[]) {
  const clock = new VirtualClock();
  let computed = 0;
  const live = new LiveModels(() => (computed++, views()), clock);
  const listen = () => {
    const heard: string[] = [];
    const listening = live.listen({
      models: (views) => void heard.push(`all ${views.map(({ name }) => name)}`),
      changed: (views) => void heard.push(views.map(({ name }) => name).join()),
    });
    return { heard, [Symbol.dispose]: () => listening[Symbol.dispose]() };
  };
  return { clock, listen, computed: () => computed };
}

Deno.test("LiveModels tells all models at first, then once a second those that differ from what was told", async () => {
  let models = [view("a"), view("b")];
  const { clock, listen } = world(() => models);
  const { heard } = listen();
  expect(heard).toEqual(["all a,b"]);
  await clock.advance(5_000);
  models = [view("a"), view("b", { pending: 1 })];
  await clock.advance(400);
  models = [view("a"), view("b", { pending: 2 })];
  await clock.advance(5_000);
  expect(heard).toEqual(["all a,b", "b"]);
  models = [view("a", { pending: 1 }), view("b")];
  await clock.advance(1_000);
  models = [view("a")];
  await clock.advance(1_000);
  models = [view("a"), view("c")];
  await clock.advance(1_000);
  expect(heard).toEqual(["all a,b", "b", "a,b", "all a", "all a,c"]);
});

Deno.test("LiveModels does not tell what only the passing of time changes", async () => {
  const begunMs = new VirtualClock().nowMs();
  let dueMs = begunMs + 100_000;
  const freed = () => ({ upSeconds: 0, freedSeconds: clock.nowMs() / 1_000 });
  const { clock, listen } = world(() => [
    view("a", { state: "idle", sleepsInSeconds: Math.round(dueMs - clock.nowMs()) / 1_000 }),
    view("b", {
      failure: { kind: "image", message: "no", retryInSeconds: 100 - clock.nowMs() / 1_000 },
    }),
    // Told again by the tenth of an hour.
    view("c", { gpu: { count: 1, today: freed(), week: freed() } }),
    view("d", { gpu: null }),
  ]);
  const { heard } = listen();
  await clock.advance(50_000);
  expect(heard).toEqual(["all a,b,c,d"]);
  dueMs += 30_000;
  await clock.advance(1_000);
  expect(heard).toEqual(["all a,b,c,d", "a"]);
  dueMs = Infinity;
});

Deno.test("LiveModels computes nothing while nobody listens", async () => {
  const { clock, listen, computed } = world(() => [view("a")]);
  await clock.advance(10_000);
  expect([computed(), clock.timers]).toEqual([0, 0]);
  {
    using one = listen();
    using other = listen();
    await clock.advance(1_000);
    // Once for both, beside what each was told at first.
    expect([computed(), one.heard, other.heard]).toEqual([3, ["all a"], ["all a"]]);
  }
  await clock.advance(10_000);
  expect([computed(), clock.timers]).toEqual([3, 0]);
});
