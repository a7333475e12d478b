/** What is asked of the gateway: a limit to a figure of its own, or to its ratio to one that stands beside it. */
import type { Figure } from "./figures.ts";
import { LOAD_TARGETS } from "./load_targets.ts";
import {
  addedLatencyOf,
  AFTER_LARGE,
  CALM_EVENT,
  EVENT,
  IDLE,
  LATER,
  memoryWhen,
  processorTimeOf,
  rateOf,
  REQUEST,
  STREAMING,
} from "./measurements.ts";
import { quantile } from "./quantile.ts";
import { GATEWAY, ratioOf } from "./ratios.ts";
import { wakeName, WAKES_AFTER_MS } from "./wake.ts";

export interface Target {
  readonly section: string;
  readonly what: string;
  /** The limit is one to the ratio to this side's figure, or to the gateway's own of another name. */
  readonly ratioTo?: { readonly side: string } | { readonly what: string };
  /** Of the values of the figure; undefined: their median. Of no use in a ratio, which is one of medians. */
  readonly quantile?: number;
  readonly atLeast?: number;
  readonly atMost?: number;
  /** It would be good to have. */
  readonly isStretch?: true;
}

export interface Judged {
  readonly target: Target;
  /** Undefined: it was not measured, or has no ratio. */
  readonly value: number | undefined;
  readonly isMet: boolean;
}

/** The targets of the sections that `figures` has something of. */
export function judge(targets: readonly Target[], figures: readonly Figure[]): Judged[] {
  const run = new Set(figures.map(({ section }) => section));
  return targets.filter(({ section }) => run.has(section)).map((target) => {
    const value = valueOf(target, figures);
    const { atLeast = -Infinity, atMost = Infinity } = target;
    return { target, value, isMet: value !== undefined && value >= atLeast && value <= atMost };
  });
}

function valueOf(target: Target, figures: readonly Figure[]): number | undefined {
  const valuesOf = (what: string, wanted: string) =>
    figures.find(({ section, what: name, side = GATEWAY, values }) =>
      section === target.section && name === what && side === wanted && values.length > 0
    )?.values;
  const own = valuesOf(target.what, GATEWAY);
  if (!own) return undefined;
  if (!target.ratioTo) return quantile(own, target.quantile ?? 0.5);
  const { what = target.what, side = GATEWAY } = { ...target.ratioTo } as Partial<Figure>;
  const other = valuesOf(what, side);
  return other && ratioOf(own, other);
}

const PARSE = { side: "bare-parse" }, SCAN = { side: "bare-scan" };
const NGINX = { side: "nginx" }, CADDY = { side: "caddy" };

const RATES: readonly Omit<Target, "section">[] = [
  { what: rateOf("1 KB"), ratioTo: PARSE, atLeast: 0.95 },
  { what: rateOf("1 KB"), ratioTo: CADDY, atLeast: 1, isStretch: true },
  { what: rateOf("32 KB"), ratioTo: PARSE, atLeast: 1.2 },
  { what: rateOf("32 KB"), ratioTo: SCAN, atLeast: 0.9 },
  { what: rateOf("32 KB"), ratioTo: CADDY, atLeast: 1, isStretch: true },
  { what: rateOf("1 MB, model first"), ratioTo: PARSE, atLeast: 1.3 },
  { what: rateOf("1 MB, model last"), ratioTo: PARSE, atLeast: 0.9 },
];

const LATENCIES: readonly Omit<Target, "section">[] = [
  { what: processorTimeOf(EVENT), ratioTo: PARSE, atMost: 1.1 },
  { what: processorTimeOf(EVENT), ratioTo: NGINX, atMost: 1.2 },
  { what: processorTimeOf(EVENT), ratioTo: CADDY, atMost: 1 },
  { what: addedLatencyOf(REQUEST, "p50"), ratioTo: PARSE, atMost: 1.15 },
  { what: addedLatencyOf(REQUEST, "p95"), ratioTo: PARSE, atMost: 1.15 },
  { what: addedLatencyOf(REQUEST, "p95"), atMost: 5 },
  { what: addedLatencyOf(CALM_EVENT, "p50"), ratioTo: PARSE, atMost: 1.15 },
  { what: addedLatencyOf(CALM_EVENT, "p99"), ratioTo: PARSE, atMost: 1.15 },
];

const MEMORY: readonly Omit<Target, "section">[] = [
  { what: memoryWhen(IDLE), atMost: 55 },
  { what: memoryWhen(IDLE), atMost: 50, isStretch: true },
  { what: memoryWhen(STREAMING), atMost: 95 },
  { what: memoryWhen(AFTER_LARGE), atMost: 245 },
  // It must fall; how far is not asked.
  { what: memoryWhen(LATER), ratioTo: { what: memoryWhen(AFTER_LARGE) }, atMost: 0.99 },
];

export const TARGETS: readonly Target[] = [
  ...[...RATES, ...LATENCIES, ...MEMORY].map((target) => ({ section: "proxies", ...target })),
  ...WAKES_AFTER_MS.map((afterMs) => ({
    ...{ section: "wake", what: wakeName(afterMs), quantile: 0.95, atMost: 30 },
  })),
  ...LOAD_TARGETS,
];
