/** Targets whose process is the engine beside this file, on the real machine. */
import type { EngineSpec, ModelSpec, ProcessSpec } from "../../../config/spec.ts";
import { systemClock } from "../../../platform/clock.ts";
import { createFetch } from "../../../platform/fetch.ts";
import { systemProcesses } from "../../../platform/processes.ts";
import { systemTcp } from "../../../platform/tcp.ts";
import { createLog, type Log } from "../../../telemetry/log.ts";
import type { World } from "../../../testing/conformance.ts";
import { createProcessTarget, type ProcessTargetOptions } from "../process_target.ts";

const ENGINE: EngineSpec = {
  name: "test",
  healthPath: "/health",
  metrics: {
    path: "/metrics",
    busy: ["vllm:num_requests_running"],
    served: ["vllm:prompt_tokens_total"],
  },
};

/** The command that runs the engine with these words; see `engine.ts`. */
export function engineCommand(...words: string[]): string[] {
  const script = new URL("./engine.ts", import.meta.url).pathname;
  return [Deno.execPath(), "run", "-A", "--no-config", "--no-lock", script, "${PORT}", ...words];
}

export function modelSpec(
  process: Partial<ProcessSpec>,
  model: Partial<ModelSpec> = {},
): ModelSpec {
  return {
    name: "tiny",
    aliases: [],
    adapters: [],
    scale: {
      kind: "process",
      command: engineCommand(),
      env: {},
      cwd: "/",
      stopGraceMs: 20_000,
      ...process,
    },
    idleTimeoutMs: 300_000,
    coldStartTimeoutMs: 600_000,
    unschedulableGraceMs: 120_000,
    retryAfterMaxMs: 300_000,
    pendingMax: 512,
    inFlightMax: 0,
    pendingTimeoutMs: Infinity,
    responseTimeoutMs: Infinity,
    earlyHeadersAfterMs: 10_000,
    keepAliveIntervalMs: 10_000,
    keepAliveJson: false,
    connectTimeoutMs: 2_000,
    enabled: true,
    engine: ENGINE,
    ...model,
  };
}

/** A log whose lines are kept. */
export function keptLog(): { readonly log: Log; readonly lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  const log = createLog({
    level: "debug",
    format: "json",
    clock: systemClock,
    write: (line) => lines.push(JSON.parse(line)),
  });
  return { log, lines };
}

const DEADLINE_MS = 20_000;

export function engineWorld(
  spec: ModelSpec,
  options: Partial<ProcessTargetOptions> = {},
): World & { readonly lines: Record<string, unknown>[] } {
  const { log, lines } = keptLog();
  const target = createProcessTarget(spec, {
    clock: systemClock,
    fetch: createFetch(),
    tcp: systemTcp,
    processes: systemProcesses,
    log,
    ...options,
  });
  return {
    target,
    lines,
    async until(condition) {
      const deadlineMs = performance.now() + DEADLINE_MS;
      while (!condition()) {
        if (performance.now() > deadlineMs) {
          throw new Error(
            `Cannot go on: it did not come in ${DEADLINE_MS} ms\n${Deno.inspect(lines)}`,
          );
        }
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    },
    [Symbol.asyncDispose]: () => target.close(),
  };
}
