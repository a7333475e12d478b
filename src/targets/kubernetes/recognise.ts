/**
 * Which inference server a pod template runs, what it serves by which names, and where it listens: from
 * its image, command, arguments and environment; pure.
 */
import { baseName, commandLines, flagValue, flagValues, isUnknown } from "./command_line.ts";
import type { Container, PodTemplate } from "./pod_template.ts";

export type RecognisedEngine = "vllm" | "sglang" | "llama.cpp" | "tgi" | "ollama";

export interface Recognised {
  readonly engine: RecognisedEngine;
  readonly container: Container;
  /** What clients send as `model`, the first one being its name; none: it cannot be told. */
  readonly names: readonly string[];
  readonly adapters: readonly string[];
  /** Undefined: it cannot be told. */
  readonly port: number | undefined;
  /** True if its command line or environment says so, and it is no default. */
  readonly saysPort: boolean;
  /** Whatever name clients send, it answers. */
  readonly answersToAll: boolean;
  /** It tells how busy it is. */
  readonly hasMetrics: boolean;
  /** It wants a key of its own. */
  readonly wantsKey: boolean;
  /** Why a gateway cannot use it as it is. */
  readonly obstacle: string | undefined;
}

interface Kind {
  readonly engine: RecognisedEngine;
  readonly image: RegExp;
  /** Where its own words begin; undefined: the command is another. */
  readonly begin: (words: readonly string[]) => number | undefined;
  readonly port: number;
}

/** Routers and their like have an engine's name in theirs. */
const NO_ENGINE = /router|autoscaler|operator|exporter|gateway|proxy|controller|ui\b/;

const KINDS: readonly Kind[] = [
  {
    engine: "vllm",
    image: /(^|[/_-])vllm([/:@_-]|$)/,
    begin: (words) =>
      after(words, (word, next) => baseName(word) === "vllm" && next === "serve", 2) ??
        after(words, (word) => /^vllm\.entrypoints\.(openai\.)?api_server$/.test(word), 1),
    port: 8000,
  },
  {
    engine: "sglang",
    image: /(^|[/_-])sglang([/:@_-]|$)/,
    begin: (words) =>
      after(words, (word) => word === "sglang.launch_server", 1) ??
        after(words, (word, next) => baseName(word) === "sglang" && next === "serve", 2),
    port: 30000,
  },
  {
    engine: "llama.cpp",
    image: /(^|[/_-])llama[.-]cpp([/:@_-]|$)/,
    begin: (words) => after(words, (word) => baseName(word) === "llama-server", 1),
    port: 8080,
  },
  {
    engine: "tgi",
    image: /(^|\/)text-generation-inference([:@-]|$)/,
    begin: (words) => after(words, (word) => baseName(word) === "text-generation-launcher", 1),
    port: 80,
  },
  {
    engine: "ollama",
    image: /(^|\/)ollama([:@]|$)/,
    begin: (words) =>
      after(words, (word, next) => baseName(word) === "ollama" && next === "serve", 2),
    port: 11434,
  },
];

function after(
  words: readonly string[],
  test: (word: string, next: string | undefined) => boolean,
  skip: number,
): number | undefined {
  const at = words.findIndex((word, at) => test(word, words[at + 1]));
  return at < 0 ? undefined : at + skip;
}

/** The first container that runs one; undefined: there is none. */
export function recognise({ spec }: PodTemplate): Recognised | undefined {
  for (const container of spec?.containers ?? []) {
    const found = recogniseContainer(container);
    if (found) return found;
  }
  return undefined;
}

function recogniseContainer(container: Container): Recognised | undefined {
  const lines = commandLines(container);
  for (const kind of KINDS) {
    for (const line of lines) {
      const begin = kind.begin(line);
      if (begin !== undefined) return describe(kind, container, line.slice(begin));
    }
  }
  const image = container.image ?? "";
  if (NO_ENGINE.test(baseName(image))) return undefined;
  const kind = KINDS.find(({ image: pattern }) => pattern.test(image));
  const isOther = container.command?.length && container.command[0] !== undefined;
  // Without a command the image's own one is run, and the arguments are the engine's.
  return kind && !isOther ? describe(kind, container, lines[0] ?? []) : undefined;
}

/** `words`: of the engine, without its program. */
function describe(kind: Kind, container: Container, words: readonly string[]): Recognised {
  const { engine } = kind;
  const env = (name: string) => container.env?.find((each) => each.name === name)?.value;
  const has = (...names: string[]) => flagValues(words, ...names) !== undefined;
  const said = saidPort(engine, words, env);
  const port = said === undefined ? kind.port : Number(said);
  const isVariable = (name: string) => container.env?.some((each) => each.name === name) ?? false;
  return {
    ...{ engine, container },
    names: namesOf(engine, words, env).filter((name) => name !== "" && !isUnknown(name)),
    adapters: adaptersOf(engine, words, env),
    port: Number.isInteger(port) ? port : undefined,
    saysPort: said !== undefined,
    answersToAll: engine === "llama.cpp" || engine === "tgi",
    hasMetrics: engine === "vllm" || engine === "tgi" ||
      engine === "sglang" && has("--enable-metrics") ||
      engine === "llama.cpp" && (has("--metrics") || isVariable("LLAMA_ARG_ENDPOINT_METRICS")),
    wantsKey: has("--api-key", "--api-key-file") || isVariable("VLLM_API_KEY") ||
      isVariable("LLAMA_API_KEY"),
    obstacle: obstacleOf(words, has),
  };
}

type Env = (name: string) => string | undefined;

function saidPort(
  engine: RecognisedEngine,
  words: readonly string[],
  env: Env,
): string | undefined {
  switch (engine) {
    case "ollama":
      return /:(\d+)$/.exec(env("OLLAMA_HOST") ?? "")?.[1];
    case "tgi":
      return flagValue(words, "--port", "-p") ?? env("PORT");
    case "llama.cpp":
      return flagValue(words, "--port") ?? env("LLAMA_ARG_PORT");
    default:
      return flagValue(words, "--port");
  }
}

function namesOf(engine: RecognisedEngine, words: readonly string[], env: Env): string[] {
  const served = flagValues(words, "--served-model-name");
  switch (engine) {
    case "vllm": {
      const [first = ""] = words;
      // `vllm serve MODEL`, also where `vllm serve` is the image's.
      const positional = first.startsWith("-") ? undefined : first;
      return served ?? [positional || flagValue(words, "--model") || ""];
    }
    case "sglang":
      return served ?? [flagValue(words, "--model-path", "--model") ?? ""];
    case "llama.cpp": {
      const alias = flagValue(words, "--alias", "-a") ?? env("LLAMA_ARG_ALIAS");
      const file = flagValue(words, "--model", "-m") ?? env("LLAMA_ARG_MODEL");
      const repository = flagValue(words, "-hf", "-hfr", "--hf-repo") ?? env("LLAMA_ARG_HF_REPO");
      return alias?.split(",") ?? [file ?? repository ?? ""];
    }
    case "tgi":
      return served ?? [flagValue(words, "--model-id") ?? env("MODEL_ID") ?? ""];
    case "ollama":
      return [];
  }
}

function adaptersOf(engine: RecognisedEngine, words: readonly string[], env: Env): string[] {
  const flags: Partial<Record<RecognisedEngine, string[]>> = {
    vllm: flagValues(words, "--lora-modules") ?? [],
    sglang: flagValues(words, "--lora-paths") ?? [],
    tgi: (flagValue(words, "--lora-adapters") ?? env("LORA_ADAPTERS") ?? "").split(","),
  };
  return (flags[engine] ?? []).map(adapterName).filter((name) => name !== "" && !isUnknown(name));
}

/** Of `name=path`, or of `{"name": …}`. */
function adapterName(text: string): string {
  if (!text.startsWith("{")) return text.split("=")[0]!.trim();
  try {
    return String(JSON.parse(text).name ?? "");
  } catch {
    return "";
  }
}

function obstacleOf(
  words: readonly string[],
  has: (...names: string[]) => boolean,
): string | undefined {
  if (has("--headless")) return "it runs with --headless, so it has no API: its leader has it";
  if (has("--ssl-certfile", "--ssl-keyfile", "--ssl-key-file", "--ssl-cert-file")) {
    return "it speaks TLS (--ssl-…), and endpoints are spoken to in plain HTTP: give it an `upstream: https://…`";
  }
  const host = flagValue(words, "--host", "--hostname");
  if (host !== undefined && /^(localhost|127\.|::1)/.test(host)) {
    return `it listens on ${host} only (--host), where nobody outside its pod reaches it`;
  }
  return undefined;
}
