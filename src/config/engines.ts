/**
 * What the inference servers that have a name in the config differ in. Metric names are those of the
 * engines' own `/metrics`; `busy` are gauges of requests, `served` counters that a request moves.
 */
import type { EngineSpec } from "./spec.ts";

export const ENGINES = {
  vllm: {
    name: "vllm",
    healthPath: "/health",
    metrics: {
      path: "/metrics",
      busy: ["vllm:num_requests_running", "vllm:num_requests_waiting"],
      // Embeddings generate no tokens, so one counter alone would miss them.
      served: [
        "vllm:prompt_tokens_total",
        "vllm:generation_tokens_total",
        "vllm:request_success_total",
      ],
    },
  },
  // Metrics need `--enable-metrics`.
  sglang: {
    name: "sglang",
    healthPath: "/health",
    metrics: {
      path: "/metrics",
      busy: ["sglang:num_running_reqs", "sglang:num_queue_reqs"],
      served: [
        "sglang:prompt_tokens_total",
        "sglang:generation_tokens_total",
        "sglang:num_requests_total",
      ],
    },
  },
  // Metrics need `--metrics`.
  "llama.cpp": {
    name: "llama.cpp",
    healthPath: "/health",
    metrics: {
      path: "/metrics",
      busy: ["llamacpp:requests_processing", "llamacpp:requests_deferred"],
      served: [
        "llamacpp:prompt_tokens_total",
        "llamacpp:tokens_predicted_total",
        "llamacpp:n_decode_total",
      ],
    },
  },
  tgi: {
    name: "tgi",
    healthPath: "/health",
    metrics: {
      path: "/metrics",
      busy: ["tgi_batch_current_size", "tgi_queue_size"],
      served: ["tgi_request_count", "tgi_request_success"],
    },
  },
  // No metrics: our own count of requests decides.
  ollama: { name: "ollama", healthPath: "/" },
  // Any other server with an OpenAI API.
  openai: { name: "openai", healthPath: "/health" },
} as const satisfies Record<string, EngineSpec>;

export type EngineName = keyof typeof ENGINES;

export const ENGINE_NAMES = Object.keys(ENGINES) as [EngineName, ...EngineName[]];

export function isEngineName(name: string): name is EngineName {
  return Object.hasOwn(ENGINES, name);
}
