/** How fast something grows, from samples that differ for other reasons as well. */

/** Of the line through `[x, y]` with the least squares: y for each x; 0 if all have one x. */
export function slopeOf(points: readonly (readonly [x: number, y: number])[]): number {
  const mean = (values: readonly number[]) =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const xMean = mean(points.map(([x]) => x)), yMean = mean(points.map(([, y]) => y));
  const spread = mean(points.map(([x]) => (x - xMean) ** 2));
  return spread && mean(points.map(([x, y]) => (x - xMean) * (y - yMean))) / spread;
}
