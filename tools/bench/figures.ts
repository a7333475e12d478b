/** How a figure of the benchmark is told. */

/** The median of `values`, with their range. */
export function tell(what: string, unit: string, values: readonly number[]): void {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!.toFixed(1);
  console.log(
    `${what.padEnd(62)} median ${at(0.5)} ${unit}  (${at(0)} to ${at(1)}, n=${sorted.length})`,
  );
}

/** One figure that is no median. */
export function tellOne(what: string, value: string): void {
  console.log(`${what.padEnd(62)} ${value}`);
}
