/** Durations as people write them, `500ms 90s 5m 1h30m`, to milliseconds and back. */

const UNITS_MS = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 } as const;

/** A year: what is longer is meant to be `never`, or a mistake. */
export const DURATION_MAX_MS = 365 * 24 * UNITS_MS.h;

/** Hours, minutes, seconds and milliseconds, each at most once and in this order. */
export const DURATION_PATTERN =
  /^(?=\d)(?:\d+(?:\.\d+)?h)?(?:\d+(?:\.\d+)?m)?(?:\d+(?:\.\d+)?s)?(?:\d+(?:\.\d+)?ms)?$/;

/**
 * Milliseconds of `text`; `Infinity` for `never`, where `options.never` allows it.
 * @throws Error that says what is wrong with `text` and what to write instead
 */
export function parseDuration(text: string, options: { never?: boolean } = {}): number {
  if (text === "never") {
    if (options.never) return Infinity;
    throw new Error("'never' is not allowed here: write a duration, e.g. 90s or 5m");
  }
  if (/^[-+]?\d+(\.\d+)?$/.test(text)) {
    throw new Error(`'${text}' needs a unit: write ${text}ms, ${text}s, ${text}m or ${text}h`);
  }
  if (!DURATION_PATTERN.test(text)) {
    throw new Error(`'${text}' is not a duration: write e.g. 500ms, 90s, 5m or 1h30m`);
  }
  let sumMs = 0;
  for (const [, amount, unit] of text.matchAll(/([\d.]+)(h|ms|m|s)/g)) {
    sumMs += Number(amount) * UNITS_MS[unit as keyof typeof UNITS_MS];
  }
  const wholeMs = Math.round(sumMs);
  if (Math.abs(sumMs - wholeMs) > 1e-3) {
    throw new Error(`'${text}' is not a whole number of milliseconds`);
  }
  if (wholeMs > DURATION_MAX_MS) throw new Error(`'${text}' is longer than a year`);
  return wholeMs;
}

/** The shortest text that {@link parseDuration} reads as `ms`: `1h30m`, `0s`, `never`. */
export function formatDuration(ms: number): string {
  if (ms === Infinity) return "never";
  let restMs = Math.round(ms);
  let text = "";
  for (const [unit, unitMs] of Object.entries(UNITS_MS)) {
    const amount = Math.floor(restMs / unitMs);
    if (amount > 0) text += `${amount}${unit}`;
    restMs -= amount * unitMs;
  }
  return text === "" ? "0s" : text;
}
