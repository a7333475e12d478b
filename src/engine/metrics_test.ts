import { expect } from "expect";
import { createMetrics, exposeMetrics, float } from "./metrics.ts";

Deno.test("float() writes numbers as Python's client does", () => {
  for (
    const [value, text] of [
      [0, "0.0"],
      [79, "79.0"],
      [0.5, "0.5"],
      [999_999, "999999.0"],
      [1_000_000, "1e+06"],
      [1_234_567.5, "1.2345675e+06"],
      [1_795_473_956.865, "1.795473956865e+09"],
    ] as const
  ) {
    expect(float(value)).toBe(text);
  }
});

Deno.test("exposeMetrics() uses vLLM's names and labels, and escapes the model's name", () => {
  const metrics = createMetrics();
  metrics.running = 2;
  metrics.finished.length = 13;
  const lines = exposeMetrics(metrics, 'a"b\\c\nd', 1_795_473_956.5).split("\n");
  const model = String.raw`model_name="a\"b\\c\nd"`;
  expect(lines).toContain(`vllm:num_requests_running{engine="0",${model}} 2.0`);
  expect(lines).toContain(`vllm:num_requests_waiting{engine="0",${model}} 0.0`);
  expect(lines).toContain(
    `vllm:request_success_total{engine="0",finished_reason="length",${model}} 13.0`,
  );
  expect(lines).toContain(
    `vllm:prompt_tokens_created{engine="0",${model}} 1.7954739565e+09`,
  );
  expect(lines.at(-1)).toBe("");
});

Deno.test("exposeMetrics() describes every family once, before its samples", () => {
  const lines = exposeMetrics(createMetrics(), "m", 1).trimEnd().split("\n");
  const described = lines.filter((line) => line.startsWith("# TYPE"))
    .map((line) => line.split(" ")[2]);
  expect(new Set(described).size).toBe(described.length);
  const sampled = lines.filter((line) => !line.startsWith("#")).map((line) => line.split("{")[0]);
  expect([...new Set(sampled)]).toEqual(described);
});
