import { expect } from "expect";
import type { Container } from "./pod_template.ts";
import { recognise, type Recognised } from "./recognise.ts";

function of(container: Partial<Container>): Recognised | undefined {
  return recognise({ spec: { containers: [{ name: "engine", ...container }] } });
}

const VLLM = "vllm/vllm-openai:v0.11.0";
const shell = (text: string) => ({ image: VLLM, command: ["/bin/sh", "-c", text] });

/** Engine, port, names, adapters. */
type Row = [string, Partial<Container>, string, number | undefined, string[], string[]?];

const FOUND: Row[] = [
  [
    "a command",
    { image: "x", command: ["vllm", "serve", "Qwen/Qwen3-8B"] },
    "vllm",
    8000,
    ["Qwen/Qwen3-8B"],
  ],
  ["the image's own command", { image: VLLM, args: ["--model", "a/b", "--port=80"] }, "vllm", 80, [
    "a/b",
  ]],
  ["a model as first argument", { image: VLLM, args: ["a/b"] }, "vllm", 8000, ["a/b"]],
  [
    "several served names",
    { image: VLLM, args: ["a/b", "--served-model-name", "x", "y", "--max-model-len", "9"] },
    "vllm",
    8000,
    ["x", "y"],
  ],
  [
    "a module, and underscores",
    {
      image: "mine:1",
      command: ["python3", "-m", "vllm.entrypoints.openai.api_server"],
      args: ["--model=a/b", "--served_model_name=x"],
    },
    "vllm",
    8000,
    ["x"],
  ],
  [
    "adapters in both forms",
    { image: VLLM, args: ["a/b", "--lora-modules", "l=/l", '{"name": "k", "path": "/k"}'] },
    "vllm",
    8000,
    ["a/b"],
    ["l", "k"],
  ],
  [
    "a shell's text",
    shell("pip install x &&\nexec vllm serve a/b \\\n  --port 9000 # mine\n"),
    "vllm",
    9000,
    ["a/b"],
  ],
  [
    "variables with a value",
    {
      ...shell("vllm serve $MODEL --port ${PORT:-8001} --served-model-name $(NAME)"),
      env: [{ name: "MODEL", value: "a/b" }, { name: "NAME", value: "x" }],
    },
    "vllm",
    8001,
    ["x"],
  ],
  ["variables without one", shell('vllm serve "$MODEL" --port $PORT'), "vllm", undefined, []],
  ["other builds of it", { image: "rocm/vllm:latest", args: ["a/b"] }, "vllm", 8000, ["a/b"]],
  [
    "a registry's path",
    { image: "public.ecr.aws/q9t5s3a7/vllm-cpu-release-repo:v0.11", args: ["a/b"] },
    "vllm",
    8000,
    ["a/b"],
  ],
  [
    "SGLang",
    {
      image: "lmsysorg/sglang:latest",
      command: ["python3", "-m", "sglang.launch_server", "--model-path", "a/b"],
      args: ["--lora-paths", "l=/l"],
    },
    "sglang",
    30000,
    ["a/b"],
    ["l"],
  ],
  [
    "llama.cpp",
    { image: "ghcr.io/ggml-org/llama.cpp:server-cuda", args: ["-hf", "a/b", "--alias", "x,y"] },
    "llama.cpp",
    8080,
    ["x", "y"],
  ],
  [
    "llama.cpp by its variables",
    {
      image: "ghcr.io/ggml-org/llama.cpp:server",
      env: [{ name: "LLAMA_ARG_HF_REPO", value: "a/b" }, { name: "LLAMA_ARG_PORT", value: "81" }],
    },
    "llama.cpp",
    81,
    ["a/b"],
  ],
  [
    "TGI",
    {
      image: "ghcr.io/huggingface/text-generation-inference:3.3",
      env: [{ name: "MODEL_ID", value: "a/b" }, { name: "LORA_ADAPTERS", value: "l=o/r,k" }],
    },
    "tgi",
    80,
    ["a/b"],
    ["l", "k"],
  ],
  ["Ollama", { image: "ollama/ollama:0.12" }, "ollama", 11434, []],
];

for (const [what, container, engine, port, names, adapters = []] of FOUND) {
  Deno.test(`recognise() reads ${what}`, () => {
    const found = of(container);
    expect([found?.engine, found?.port, found?.names, found?.adapters])
      .toEqual([engine, port, names, adapters]);
  });
}

const NOT: Partial<Container>[] = [
  { image: "nginx" },
  { image: "lmcache/vllm-router:1", args: ["--port", "80"] },
  { image: "vllm-autoscaler:0.1.0", args: ["serve"] },
  { image: VLLM, command: ["sleep", "infinity"] },
  {},
];

for (const container of NOT) {
  Deno.test(`recognise() takes for no engine: ${JSON.stringify(container)}`, () => {
    expect(of(container)).toBe(undefined);
  });
}

Deno.test("recognise() finds the engine among other containers", () => {
  const containers = [
    { name: "proxy", image: "envoyproxy/envoy" },
    { name: "engine", image: VLLM, args: ["a"] },
  ];
  expect(recognise({ spec: { containers } })?.container.name).toBe("engine");
});

Deno.test("recognise() sees keys, and engines that do not tell how busy they are", () => {
  const told = (container: Partial<Container>) => {
    const { wantsKey, hasMetrics, saysPort } = of(container)!;
    return [wantsKey, hasMetrics, saysPort];
  };
  expect(told({ image: VLLM, args: ["a", "--api-key", "x"] })).toEqual([true, true, false]);
  expect(told({ image: VLLM, env: [{ name: "VLLM_API_KEY" }] })).toEqual([true, true, false]);
  const llama = "ggml-org/llama.cpp:server";
  expect(told({ image: llama, args: ["--port", "1"] })).toEqual([false, false, true]);
  expect(told({ image: llama, args: ["--metrics"] })).toEqual([false, true, false]);
});

const OBSTACLES: [string[], RegExp][] = [
  [["--headless"], /no API/],
  [["--ssl-keyfile", "k"], /speaks TLS/],
  [["--host", "127.0.0.1"], /listens on 127\.0\.0\.1 only/],
  [["--host=localhost"], /listens on localhost only/],
];

for (const [args, words] of OBSTACLES) {
  Deno.test(`recognise() says what is in the way: ${args.join(" ")}`, () => {
    expect(of({ image: VLLM, args: ["a", ...args] })?.obstacle).toMatch(words);
  });
}
