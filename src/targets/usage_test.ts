import { expect } from "expect";
import fc from "fast-check";
import { UNMEASURED } from "../activator/scale_target.ts";
import type { Fetch } from "../platform/fetch.ts";
import { silentLog } from "../telemetry/log.ts";
import { VirtualClock } from "../testing/virtual_clock.ts";
import { createMeter, readSamples } from "./usage.ts";

const METRICS = {
  path: "/metrics",
  busy: ["vllm:num_requests_running", "vllm:num_requests_waiting"],
  served: ["vllm:prompt_tokens_total", "vllm:request_success_total"],
};
const never = new AbortController().signal;

/** Engines by base URL; what each answers to a scrape. */
function meter(pages: Record<string, () => Response | Promise<Response>>) {
  const warnings: unknown[][] = [];
  const failures: string[] = [];
  const fetch: Fetch = (url) => {
    const { origin, pathname } = new URL(url);
    expect(pathname).toBe("/metrics");
    return Promise.resolve().then(() => pages[origin]!());
  };
  const measure = createMeter({
    metrics: METRICS,
    fetch,
    clock: new VirtualClock(),
    log: { ...silentLog, warn: (...line) => void warnings.push(line) },
    onFailure: () => void failures.push("failed"),
  });
  return { failures, measure: (signal = never) => measure(Object.keys(pages), signal), warnings };
}

const page = (running: string, tokens = "7.0") => () =>
  new Response(
    `# HELP vllm:num_requests_running Number of requests.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="a } b"} ${running}
vllm:num_requests_waiting{engine="0"} 0.0
vllm:prompt_tokens_total{engine="0"} ${tokens}
vllm:request_success_total{finished_reason="stop"} 1.0
vllm:request_success_total{finished_reason="length"} 2.0
other 5
`,
  );

Deno.test("measure sums gauges and counters over all endpoints, whatever their order", async () => {
  const one = await meter({ "http://a": page("1.0"), "http://b": page("2.0", "1e+06") }).measure();
  expect(one).toEqual({ busy: 3, served: "7 3\n1000000 3" });
  const two = await meter({ "http://b": page("2.0", "1e+06"), "http://a": page("1.0") }).measure();
  expect(two).toEqual(one);
});

Deno.test("measure tells a served request from none", async () => {
  const before = await meter({ "http://a": page("0.0") }).measure();
  expect(await meter({ "http://a": page("0.0") }).measure()).toEqual(before);
  expect((await meter({ "http://a": page("0.0", "8.0") }).measure()).served).not.toBe(
    before.served,
  );
});

Deno.test("measure of an engine without a metrics page is unmeasured, and says so once", async () => {
  for (const status of [404, 405]) {
    const engines = { "http://a": () => new Response("?", { status }) };
    const { measure, warnings, failures } = meter(engines);
    expect(await measure()).toEqual(UNMEASURED);
    expect(await measure()).toEqual(UNMEASURED);
    expect([warnings.length, failures]).toEqual([1, []]);
  }
});

Deno.test("measure of a page without the engine's metrics counts on us alone, and says so once", async () => {
  const { measure, warnings } = meter({ "http://a": () => new Response("up 1\n") });
  expect((await measure()).busy).toBe(0);
  expect((await measure()).busy).toBe(0);
  expect(warnings.length).toBe(1);
});

Deno.test("measure without configured metrics asks nobody", async () => {
  const { fetch, clock, log } = {
    fetch: () => Promise.reject(new Error("asked")),
    clock: new VirtualClock(),
    log: silentLog,
  };
  const measure = createMeter({ metrics: undefined, fetch, clock, log });
  expect(await measure(["http://a"], never)).toBe(UNMEASURED);
});

Deno.test("measure calls an engine busy that cannot be read, and says why", async () => {
  const endless = () =>
    new Response(
      new ReadableStream({ pull: (stream) => stream.enqueue(new Uint8Array(64 * 1024)) }),
    );
  const cases: Record<string, [() => Response | Promise<Response>, RegExp]> = {
    refused: [() => Promise.reject(new TypeError("connection refused")), /refused/],
    "500": [() => new Response("", { status: 500 }), /status 500/],
    NaN: [page("NaN"), /NaN/],
    "no value": [page(""), /not a sample/],
    "no number": [page("many"), /not a sample/],
    "too long": [endless, /more than/],
  };
  for (const [name, [broken, says]] of Object.entries(cases)) {
    const engines = { "http://a": broken, "http://b": page("0.0") };
    const { measure, warnings, failures } = meter(engines);
    expect([name, (await measure()).busy]).toEqual([name, Infinity]);
    expect([warnings.length, failures.length]).toEqual([1, 1]);
    expect((warnings[0]![1] as { error: string }).error).toMatch(says);
  }
});

Deno.test("measure rejects when it is called off, without a warning", async () => {
  const controller = new AbortController();
  const { measure, warnings, failures } = meter({
    "http://a": () => (controller.abort(new Error("left")), Promise.reject(new Error("aborted"))),
  });
  await expect(measure(controller.signal)).rejects.toThrow("left");
  expect([warnings, failures]).toEqual([[], []]);
});

Deno.test("a negative gauge does not cancel another's requests, nor NaN a counter", async () => {
  const text = `vllm:num_requests_running{engine="0"} -2
vllm:num_requests_running{engine="1"} 2
vllm:prompt_tokens_total{engine="0"} NaN
vllm:prompt_tokens_total{engine="1"} 5`;
  const { measure } = meter({ "http://a": () => new Response(text) });
  expect(await measure()).toEqual({ busy: 2, served: "5 0" });
});

Deno.test("readSamples() reads what the formats allow", () => {
  const names = new Set(["a", "a_total"]);
  const read = (text: string) => Object.fromEntries(readSamples(text, names));
  expect(read("a 1\r\na\t2 1700000000000\n  a 3")).toEqual({ a: [1, 2, 3] });
  expect(read('a{} 1\na{ } 2\na {x="y",} 3')).toEqual({ a: [1, 2, 3] });
  expect(read("a +Inf\na -Inf\na Inf\na 1.5e-3\na 1e400")).toEqual({
    a: [Infinity, -Infinity, Infinity, 0.0015, Infinity],
  });
  expect(read("a NaN")).toEqual({ a: [NaN] });
  expect(read(`a_total{x="1"} 17 # {trace_id="} 99"} 0.67 1`)).toEqual({ a_total: [17] });
  expect(read("# TYPE a gauge\n# HELP a a 1\n# a 1\nab 1\na_ 2\n\n# EOF")).toEqual({ a: [] });
  for (const broken of ["a", 'a{x="y} 1', "a{x 1", "a{} one", "a 1,5"]) {
    expect(() => read(broken)).toThrow("not a sample");
  }
});

Deno.test("readSamples() finds every sample behind any label texts", () => {
  const escape = (text: string) =>
    text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
  const label = fc.tuple(
    fc.stringMatching(/^[a-z_]{1,5}$/),
    fc.oneof(fc.string({ unit: "binary" }), fc.string(), fc.constantFrom("}", '"', "\\", "} 9 ")),
  );
  const sample = fc.record({
    name: fc.constantFrom("a", "b:c", "other"),
    labels: fc.array(label, { maxLength: 4 }),
    value: fc.double({ noNaN: true }),
  });
  fc.assert(
    fc.property(fc.array(sample), (samples) => {
      const text = samples.map(({ name, labels, value }) => {
        const inner = labels.map(([key, text]) => `${key}="${escape(text)}"`).join(",");
        return `${name}{${inner}} ${value}`;
      }).join("\n");
      for (const name of ["a", "b:c"]) {
        const want = samples.filter((each) => each.name === name).map(({ value }) => value + 0);
        const got = readSamples(text, new Set([name])).get(name) ?? [];
        expect(got.map((value) => value + 0)).toEqual(want);
      }
    }),
    { numRuns: 300 },
  );
});
