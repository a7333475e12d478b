import { expect } from "expect";
import { examinePod } from "./examine_pod.ts";
import type { Container } from "./pod_template.ts";

const PROBED = { name: "engine", readinessProbe: {} };

/** Level and text of what is found of pods with this container. */
function found(container: Partial<Container>, graceS?: number, engine = "vllm"): string[] {
  const spec = {
    containers: [{ ...PROBED, ...container }],
    ...(graceS === undefined ? {} : { terminationGracePeriodSeconds: graceS }),
  };
  return examinePod({ spec }, engine).map(({ level, text }) => `${level}: ${text}`);
}

const CUTS = /^warn: .*shutdown-timeout.*cuts its answers short$/;

const STOPS: [string, Partial<Container>, number | undefined, RegExp][] = [
  ["no way to end its answers", { args: ["--port", "8000"] }, 60, CUTS],
  ["an end without a wait", { args: ["--shutdown-timeout", "0"] }, 60, CUTS],
  ["time enough", { args: ["--shutdown-timeout", "20"] }, undefined, /^ok: its pods have 30 s/],
  [
    "a shell's line",
    { command: ["sh", "-c", "exec vllm serve m --shutdown-timeout=20"] },
    60,
    /^ok/,
  ],
  ["too little grace", { args: ["--shutdown-timeout=60"] }, undefined, /^warn: .*30 s.*60 s/],
  ["as much grace as wait", { args: ["--shutdown-timeout=60"] }, 60, /^warn: .*60 s.*60 s/],
  ["a preStop", { lifecycle: { preStop: {} } }, 10, /^ok: its pods have 10 s/],
  [
    "a preStop that sleeps too long",
    { lifecycle: { preStop: { sleep: { seconds: 20 } } } },
    20,
    /20/,
  ],
];

for (const [what, container, graceS, words] of STOPS) {
  Deno.test(`examinePod() sees ${what}`, () => {
    expect(found(container, graceS)).toEqual([expect.stringMatching(words)]);
  });
}

Deno.test("examinePod() knows the end of vLLM only", () => {
  expect(found({}, 30, "sglang")).toEqual([]);
});

Deno.test("examinePod() warns of pods without a readinessProbe", () => {
  expect(examinePod({ spec: { containers: [{ name: "engine" }] } }, "openai")).toEqual([
    expect.objectContaining({ level: "warn", text: expect.stringMatching(/^no readinessProbe/) }),
  ]);
});
