import { expect } from "expect";
import { countByGroup, shownModels } from "./order.js";

const model = (name: string, state: string, pending = 0, sleepsAtMs: number | null = null) => ({
  ...{ name, state, pending, sleepsAtMs, inFlight: 0, target: `deployment ai/${name}` },
  ...{ reason: "found at zero", replicas: null, gpu: null },
});

const MODELS = [
  model("Beta", "idle", 0, 2),
  model("alpha", "asleep"),
  model("gamma", "failed", 3),
  model("delta", "idle", 1, 1),
];

const DEFAULTS = { text: "", group: "all", sort: "name", descending: false };

function shown(view: Partial<typeof DEFAULTS>): string[] {
  const history = () => undefined;
  return shownModels(MODELS, history, { ...DEFAULTS, ...view }).map(({ name }: { name: string }) =>
    name
  );
}

Deno.test("shownModels() sorts by any column; what has nothing there comes last", () => {
  expect(shown({})).toEqual(["alpha", "Beta", "delta", "gamma"]);
  expect(shown({ descending: true })).toEqual(["gamma", "delta", "Beta", "alpha"]);
  expect(shown({ sort: "state" })).toEqual(["gamma", "Beta", "delta", "alpha"]);
  expect(shown({ sort: "pending", descending: true })).toEqual(["gamma", "delta", "Beta", "alpha"]);
  expect(shown({ sort: "sleepsIn" })).toEqual(["delta", "Beta", "alpha", "gamma"]);
  expect(shown({ sort: "sleepsIn", descending: true })).toEqual([
    "Beta",
    "delta",
    "alpha",
    "gamma",
  ]);
});

Deno.test("shownModels() filters by state and by words that are all there", () => {
  expect(shown({ group: "up" })).toEqual(["Beta", "delta"]);
  expect(shown({ text: "ai/ IDLE" })).toEqual(["Beta", "delta"]);
  expect(shown({ text: "amma zero" })).toEqual(["gamma"]);
  expect(shown({ group: "changing" })).toEqual([]);
  expect(countByGroup(MODELS)).toEqual({ all: 4, up: 2, changing: 0, asleep: 1, failed: 1 });
});
