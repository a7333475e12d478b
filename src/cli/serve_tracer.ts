/** Whether `serve` traces: where the environment tells Deno to export spans, and only there is a tracer even loaded. */
import type { Tracer } from "../platform/tracer.ts";
import type { Log } from "../telemetry/log.ts";
import type { Terminal } from "./terminal.ts";

export async function findTracer(
  { env }: Terminal,
  version: string,
  log: Log,
): Promise<Tracer | undefined> {
  if (env.OTEL_DENO?.toLowerCase() !== "true") return undefined;
  const { systemTracer } = await import("../platform/tracer.ts");
  const tracer = systemTracer("vllm-autoscaler", version);
  if (!tracer) {
    log.warn("nothing is traced", {
      reason:
        "OTEL_DENO is set, but OTEL_SDK_DISABLED, or OTEL_DENO_TRACING, OTEL_DENO_METRICS and OTEL_DENO_CONSOLE together, turn it off: " +
        "leave OTEL_DENO_CONSOLE as it is",
    });
  } else if (tracer.isAutomatic) {
    log.warn("Deno adds spans of its own, with whole URLs: set OTEL_DENO_TRACING=false", {
      reason: "requests are seen twice, and calls to the API server as well",
    });
  }
  return tracer;
}
