/** The real vLLM of `deno task test:vllm` as a model of a gateway's config. */

const command = Deno.env.get("VLLM_COMMAND");

if (!command) {
  console.error(
    "Set VLLM_COMMAND to how your vLLM is started, e.g. VLLM_COMMAND='vllm serve Qwen/Qwen3-0.6B " +
      "--port ${PORT}' VLLM_MODEL=Qwen/Qwen3-0.6B",
  );
  Deno.exit(1);
}

/** The name that it serves. */
export const VLLM = Deno.env.get("VLLM_MODEL") ?? "tiny/chat";

export const START_MAX_MS = 10 * 60_000;

export function vllmModel(settings: string): string {
  const process = { command: ["sh", "-c", `exec ${command}`], stopGrace: "30s" };
  return `  ${VLLM}:\n    process: ${JSON.stringify(process)}\n${settings}`;
}
