/** Order statistics: what a few noisy values are told by. */

/** The value that a share of `values` lies below; 0: the smallest, 0.5: the median, 1: the largest. */
export function quantile(values: readonly number[], share: number): number {
  if (values.length === 0) throw new Error("Cannot tell a quantile: there are no values");
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** A figure with as many digits as mean something. */
export function short(value: number): string {
  const size = Math.abs(value);
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : 2;
  return value.toLocaleString("en", {
    ...{ minimumFractionDigits: digits, maximumFractionDigits: digits },
  });
}
