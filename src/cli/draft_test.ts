import { expect } from "expect";
import { parseConfig } from "../config/parse.ts";
import type { Found } from "../targets/kubernetes/discover.ts";
import { recognise } from "../targets/kubernetes/recognise.ts";
import { configOf, draftOf, draftText } from "./draft.ts";

const VLLM = "vllm/vllm-openai:v0.11.0";

function found(
  name: string,
  args: readonly string[],
  over: Partial<Found> = {},
  image = VLLM,
): Found {
  const engine = recognise({ spec: { containers: [{ name: "engine", image, args }] } })!;
  return {
    ...{ kind: "deployment", namespace: "ai", name, engine, notes: [], obstacle: undefined },
    service: { name, port: undefined },
    ...over,
  };
}

function text(...all: Found[]): string {
  const draft = draftOf({ found: all, notes: [] });
  const drafted = draftText(draft, configOf(draft, {}), "Found.");
  const options = { file: "config.yaml", env: {}, dir: "/" };
  const parsed = parseConfig(drafted, options);
  expect("problems" in parsed ? parsed.problems : []).toEqual([]);
  return drafted;
}

Deno.test("draftText() writes what is no default, with what was found", () => {
  expect(text(
    found("vllm-qwen", ["Qwen/Qwen3-8B"]),
    found("vllm-llama", ["m/l", "--served-model-name", "llama", "l3", "--lora-modules", "x=/x"], {
      ...{ kind: "statefulSet", service: { name: "llama", port: 81 } },
      notes: ["HorizontalPodAutoscaler h scales it from 1 to 4 while it is up"],
    }),
  )).toBe(`# Found.

models:
  # vllm in container engine
  Qwen/Qwen3-8B:
    deployment: ai/vllm-qwen
  # vllm in container engine
  # HorizontalPodAutoscaler h scales it from 1 to 4 while it is up
  llama:
    aliases: [l3]
    adapters: [x]
    statefulSet: ai/vllm-llama
    service: ai/llama:81`);
});

Deno.test("draftText() keeps what is left out as a comment, with the reason", () => {
  expect(text(
    found("a", ["a"]),
    found("b", ["b"], { service: undefined, obstacle: "no Service leads to its pods" }),
  )).toBe(`# Found.

models:
  # vllm in container engine
  a:
    deployment: ai/a

# LEFT OUT: deployment ai/b: no Service leads to its pods
#  b:
#    deployment: ai/b`);
});

Deno.test("draftOf() gives a name once: what is left out takes none, and who comes late is told", () => {
  const { models, leftOut } = draftOf({
    notes: [],
    found: [
      found("first", ["a"], { obstacle: "it is left out" }),
      found("second", ["a", "--lora-modules", "x=/x"]),
      found("third", ["a"]),
      found("fourth", ["b", "--lora-modules", "x=/x", "y=/y"]),
    ],
  });
  expect(models.map(({ name, model, notes }) => [name, model.adapters, notes.at(-1)])).toEqual([
    ["a", ["x"], "vllm in container engine"],
    ["b", ["y"], "'x' is left out: deployment ai/second has it"],
  ]);
  expect(leftOut.map(({ workload, reason }) => `${workload}: ${reason}`)).toEqual([
    "deployment ai/third: deployment ai/second serves 'a' as well: give one of them another name",
    "deployment ai/first: it is left out",
  ]);
});

const MODELS: [string, string, string[], Record<string, unknown>][] = [
  ["a path is no name", VLLM, ["/models/qwen/"], {
    ...{ aliases: ["/models/qwen/"], upstreamModel: "/models/qwen/", deployment: "ai/m" },
  }],
  ["a name that cannot be told", VLLM, ["--model", "$(MODEL)"], { deployment: "ai/m" }],
  ["Ollama", "ollama/ollama", [], { deployment: "ai/m", engine: "ollama" }],
  ["an engine that does not tell how busy it is", "lmsysorg/sglang", ["--model-path", "a"], {
    ...{ deployment: "ai/m", engine: { name: "sglang", metrics: false } },
  }],
  ["an engine that does", "lmsysorg/sglang", ["--model-path", "a", "--enable-metrics"], {
    ...{ deployment: "ai/m", engine: "sglang" },
  }],
];

for (const [what, image, args, model] of MODELS) {
  Deno.test(`draftOf() drafts ${what}`, () => {
    const { models } = draftOf({ notes: [], found: [found("m", args, {}, image)] });
    expect(models[0]!.model).toEqual(model);
  });
}

Deno.test("draftOf() says what it could not tell", () => {
  const notes = (image: string, args: string[]) =>
    draftOf({ notes: [], found: [found("m", args, {}, image)] }).models[0]!.notes.join("\n");
  expect(notes(VLLM, ["--model", "$(MODEL)"])).toMatch(/which model it serves could not be told/);
  expect(notes("ollama/ollama", [])).toMatch(/list those models under `adapters`/);
});

Deno.test("configOf() says which cluster, if that had to be said", () => {
  const draft = draftOf({ notes: [], found: [found("m", ["m"])] });
  expect(configOf(draft, { context: "kind" })).toEqual({
    kubernetes: { context: "kind" },
    models: { m: { deployment: "ai/m" } },
  });
});
