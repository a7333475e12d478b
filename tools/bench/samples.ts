/** What a comparison collects, round by round, until it can be told measurement by measurement, side by side. */
import { tell } from "./figures.ts";

interface Measurement {
  readonly unit: string;
  readonly bySide: Map<string, number[]>;
}

export class Samples {
  readonly #all = new Map<string, Measurement>();

  add(what: string, unit: string, side: string, value: number): void {
    let measurement = this.#all.get(what);
    if (!measurement) this.#all.set(what, measurement = { unit, bySide: new Map() });
    const values = measurement.bySide.get(side);
    if (values) values.push(value);
    else measurement.bySide.set(side, [value]);
  }

  tell(section: string): void {
    for (const [what, { unit, bySide }] of this.#all) {
      for (const [side, values] of bySide) tell(`${section}: ${what}`, unit, values, side);
    }
  }
}
