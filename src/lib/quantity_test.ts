import { expect } from "expect";
import { parseQuantity } from "./quantity.ts";

const QUANTITIES: [string, number][] = [
  ...[["1", 1], ["500m", 0.5], ["1Gi", 2 ** 30], ["1.5k", 1500], ["1e3", 1000], ["2E", 2e18]],
  ...[["0", 0], ["", NaN], ["x", NaN], ["1Xi", NaN], [" 4 ", 4]],
] as [string, number][];

for (const [text, value] of QUANTITIES) {
  Deno.test(`parseQuantity() reads ${JSON.stringify(text)}`, () => {
    expect(parseQuantity(text)).toBe(value);
  });
}
