/**
 * Is an engine up? One GET of its health page. A loading vLLM refuses TCP, other engines answer 503
 * until they have loaded: both mean "not yet".
 */
import type { Clock } from "../platform/clock.ts";
import type { Fetch } from "../platform/fetch.ts";
import type { Log } from "../telemetry/log.ts";
import { get } from "./get.ts";

export interface ProbeOptions {
  /** The engine's base URL, without a trailing slash. */
  readonly endpoint: string;
  readonly healthPath: string;
  /** For one GET. */
  readonly timeoutMs: number;
  readonly fetch: Fetch;
  readonly clock: Clock;
  /** Aborted when nobody wants to know any more. */
  readonly signal: AbortSignal;
}

/** The status of the health page, undefined without an answer in time. Never throws. */
export async function probe(options: ProbeOptions): Promise<number | undefined> {
  try {
    return await get(options.endpoint + options.healthPath, options, ({ status }) => status);
  } catch {
    return undefined;
  }
}

export function isHealthy(status: number | undefined): boolean {
  return status !== undefined && status >= 200 && status < 300;
}

/**
 * 40 refused GETs a second take about 2 % of a core (bare TCP connects 1.5 %, their timer alone 0.7 %), 50 a fourth more:
 * dense enough that nobody notices the wait for the next one, sparse enough for a start of minutes.
 */
const WAIT_MIN_MS = 5;
const WAIT_MAX_MS = 20;
const WAIT_PART = 0.0075;

export interface UntilHealthyOptions extends ProbeOptions {
  readonly log: Log;
  /** Between two probes at most; longer where somebody else says when it is worth asking. */
  readonly waitMaxMs?: number;
}

/** Probes until the engine is healthy: true; false if the signal came first. */
export async function untilHealthy(options: UntilHealthyOptions): Promise<boolean> {
  const { clock, signal, log, endpoint, healthPath, waitMaxMs = WAIT_MAX_MS } = options;
  const startMs = clock.nowMs();
  let strange = false;
  while (!signal.aborted) {
    const status = await probe(options);
    if (signal.aborted) break;
    if (isHealthy(status)) return true;
    if (!strange && status !== undefined && status < 500) {
      strange = true;
      log.warn("health page says neither ready nor loading: check `engine`", {
        url: endpoint + healthPath,
        status,
      });
    }
    const waitMs = (clock.nowMs() - startMs) * WAIT_PART;
    await pause(Math.min(Math.max(waitMs, WAIT_MIN_MS), waitMaxMs), clock, signal);
  }
  return false;
}

/** Resolves after `ms`, at once when `signal` aborts; it leaves no timer behind. */
async function pause(ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const stop = () => resolve();
  using _timer = clock.timer(ms, resolve);
  signal.addEventListener("abort", stop);
  await promise;
  signal.removeEventListener("abort", stop);
}
