/**
 * How busy engines say they are, from their Prometheus pages. What cannot be read counts as busy: a
 * model is put to sleep on knowledge, never on the lack of it. An engine that has no such page, or none
 * of the metrics, cannot tell, and our own count of requests decides.
 */
import { UNMEASURED, type Usage } from "../activator/scale_target.ts";
import type { EngineMetricsSpec } from "../config/spec.ts";
import type { Clock } from "../platform/clock.ts";
import type { Fetch } from "../platform/fetch.ts";
import type { Log } from "../telemetry/log.ts";
import { get } from "./get.ts";

const TIMEOUT_MS = 5_000;
/** A vLLM's page has 69 KB. */
const PAGE_MAX = 4 * 1024 * 1024;

export interface MeterOptions {
  readonly metrics: EngineMetricsSpec | undefined;
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly log: Log;
  /** Told of each engine that could not be asked. */
  readonly onFailure?: (() => void) | undefined;
}

/** Asks all `endpoints` (base URLs) at once; rejects only with the signal's reason. */
export type Meter = (endpoints: readonly string[], signal: AbortSignal) => Promise<Usage>;

export function createMeter({ metrics, fetch, clock, log, onFailure }: MeterOptions): Meter {
  if (!metrics) return () => Promise.resolve(UNMEASURED);
  const names = new Set([...metrics.busy, ...metrics.served]);
  let warned = false;
  const warnOnce = (url: string, says: string) => {
    if (!warned) log.warn("engine tells no usage: only requests through here count", { url, says });
    warned = true;
  };

  async function measure(endpoint: string, signal: AbortSignal): Promise<Usage> {
    const url = endpoint + metrics!.path;
    try {
      const page = await get(url, { fetch, clock, timeoutMs: TIMEOUT_MS, signal }, readPage);
      if (typeof page === "number") {
        warnOnce(url, `status ${page}`);
        return UNMEASURED;
      }
      const samples = readSamples(page, names);
      if (!metrics!.busy.some((name) => samples.has(name))) {
        warnOnce(url, `no ${metrics!.busy.join(", ")}`);
      }
      return usageOf(samples, metrics!);
    } catch (error) {
      signal.throwIfAborted();
      onFailure?.();
      log.warn("cannot read the engine's metrics: it counts as busy", {
        url,
        error: String(error),
      });
      return { busy: Infinity, served: "" };
    }
  }

  return async (endpoints, signal) => {
    const all = await Promise.all([...endpoints].sort().map((each) => measure(each, signal)));
    return {
      busy: all.reduce((sum, { busy }) => sum + busy, 0),
      served: all.map(({ served }) => served).join("\n"),
    };
  };
}

/** Of an engine that has no such page; llama.cpp without `--metrics` says 501. */
type NoPage = 404 | 405 | 501;

function isNoPage(status: number): status is NoPage {
  return status === 404 || status === 405 || status === 501;
}

/** The page, or the status of an engine that has none. */
async function readPage(response: Response): Promise<string | NoPage> {
  const { status, body } = response;
  if (isNoPage(status)) return status;
  if (!response.ok) throw new Error(`status ${status}`);
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  // Leaving the loop cancels the rest of the body.
  for await (const chunk of body ?? []) {
    size += chunk.length;
    if (size > PAGE_MAX) throw new Error(`more than ${PAGE_MAX} bytes`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text;
}

function usageOf(samples: Samples, { busy, served }: EngineMetricsSpec): Usage {
  // Negative would be an engine's bug, and must not cancel another's requests.
  const requests = busy.flatMap((name) => samples.get(name) ?? []).map((n) => Math.max(0, n));
  if (requests.some(Number.isNaN)) throw new Error(`NaN in ${busy.join(", ")}`);
  return {
    busy: sum(requests),
    // A counter that is not a number must not hide the others of its name.
    served: served.map((name) => sum((samples.get(name) ?? []).filter((n) => !Number.isNaN(n))))
      .join(" "),
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, n) => total + n, 0);
}

/** The values of every sample, by name; none for a metric that is declared but was never set. */
export type Samples = ReadonlyMap<string, readonly number[]>;

/** `name{label="any text, \" and \\ escaped"} value timestamp`; what may follow is not looked at. */
const SAMPLE = /^[^\s{]+[ \t]*(?:\{(?:[^"}]|"(?:[^"\\]|\\.)*")*\})?[ \t]*(\S+)/s;

/**
 * Reads the samples of `names` from a page in Prometheus' text format (or OpenMetrics').
 * @throws if the line of one of them cannot be read
 */
export function readSamples(page: string, names: ReadonlySet<string>): Samples {
  const samples = new Map<string, number[]>();
  for (const each of page.split("\n")) {
    const line = each.trimStart();
    const [, declared] = /^#[ \t]+TYPE[ \t]+(\S+)/.exec(line) ?? [];
    const name = declared ?? /^[^\s{]*/.exec(line)![0];
    if (!names.has(name)) continue;
    const values = samples.get(name) ?? [];
    samples.set(name, values);
    if (declared === undefined) values.push(readValue(SAMPLE.exec(line)?.[1], line));
  }
  return samples;
}

function readValue(text: string | undefined, line: string): number {
  const [, sign, word] = /^([+-]?)(inf|infinity|nan)$/i.exec(text ?? "") ?? [];
  if (word) return word.toLowerCase() === "nan" ? NaN : sign === "-" ? -Infinity : Infinity;
  const value = Number(text);
  if (Number.isNaN(value)) throw new Error(`not a sample: ${line.slice(0, 200)}`);
  return value;
}
