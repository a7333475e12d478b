/** Counters, gauges and histograms as Prometheus reads them. */
import { expect } from "expect";
import { parseExposition } from "../testing/exposition.ts";
import { Counter, exposition, Gauge, Histogram } from "./metrics.ts";

Deno.test("exposition() tells counters, gauges and histograms in a form that is understood", () => {
  const counter = new Counter({ name: "asked_total", help: "Asked.", labels: ["model"] });
  counter.add(0, "quiet");
  counter.add(1, "m");
  counter.add(2.5, "m");
  const gauge = new Gauge({ name: "waiting", help: "Now." }, (set) => set(Infinity));
  const histogram = new Histogram({ name: "took_seconds", help: "Took.", labels: ["model"] }, [
    1,
    5,
  ]);
  for (const seconds of [0.5, 1, 4, 60]) histogram.observe(seconds, "m");
  const families = parseExposition(exposition([counter, gauge, histogram]));
  expect(families.get("asked_total")).toEqual({
    type: "counter",
    help: "Asked.",
    samples: [
      { name: "asked_total", labels: { model: "quiet" }, value: 0 },
      { name: "asked_total", labels: { model: "m" }, value: 3.5 },
    ],
  });
  expect(families.get("waiting")!.samples).toEqual([{
    ...{ name: "waiting", labels: {}, value: Infinity },
  }]);
  expect(
    families.get("took_seconds")!.samples.map(({ name, labels: { le }, value }) => [
      ...[name, le, value],
    ]),
  ).toEqual([
    ["took_seconds_bucket", "1", 2],
    ["took_seconds_bucket", "5", 3],
    ["took_seconds_bucket", "+Inf", 4],
    ["took_seconds_sum", undefined, 65.5],
    ["took_seconds_count", undefined, 4],
  ]);
});

Deno.test("exposition() escapes whatever a label or a help text holds", () => {
  const counter = new Counter({ name: "a_total", help: 'a "\\\n', labels: ["model"] });
  counter.add(1, 'x"y\\z\n{},=');
  const { samples, help } = parseExposition(exposition([counter])).get("a_total")!;
  expect([help, samples[0]!.labels]).toEqual(['a "\\\\\\n', { model: 'x\\"y\\\\z\\n{},=' }]);
});

Deno.test("a gauge tells nothing of what is not there any more", () => {
  let models = ["a", "b"];
  const gauge = new Gauge({ name: "up", help: "Up.", labels: ["model"] }, (set) => {
    for (const model of models) set(1, model);
  });
  const told = () => parseExposition(exposition([gauge])).get("up")!.samples.length;
  expect(told()).toBe(2);
  models = ["b"];
  expect(told()).toBe(1);
});
