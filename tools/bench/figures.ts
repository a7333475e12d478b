/** The figures of one run of the benchmark: each is told when it is known, and kept for the report. */
import { median, quantile, short } from "./quantile.ts";

export interface Figure {
  /** The part of the benchmark that told it. */
  readonly section: string;
  readonly what: string;
  /** Of the gateway and what stands beside it, whose it is; undefined: nothing stands beside it. */
  readonly side?: string | undefined;
  readonly unit: string;
  readonly values: readonly number[];
  /** Instead of values: what is no number, or no median. */
  readonly text?: string | undefined;
}

const all: Figure[] = [];
let section = "";

/** All that is told from now on belongs to it. */
export function beginSection(name: string): void {
  section = name;
}

/** All that was told, in order. */
export function figures(): readonly Figure[] {
  return all;
}

/** Figures that another process told: they are kept, and not told again. */
export function keep(told: readonly Figure[]): void {
  all.push(...told.map((figure) => ({ ...figure, section })));
}

/** The median of `values`, with their range. */
export function tell(what: string, unit: string, values: readonly number[], side?: string): void {
  all.push({ section, what: unprefixed(what), side, unit, values });
  const at = (share: number) => short(quantile(values, share));
  const name = side === undefined ? what : `${what}: ${side}`;
  console.log(
    `${name.padEnd(62)} median ${short(median(values))} ${unit}  ` +
      `(${at(0)} to ${at(1)}, n=${values.length})`,
  );
}

/** One figure that is no median. */
export function tellOne(what: string, value: string): void {
  all.push({ section, what: unprefixed(what), unit: "", values: [], text: value });
  console.log(`${what.padEnd(62)} ${value}`);
}

/** On the terminal a figure names its section; in the report it stands below its heading. */
function unprefixed(what: string): string {
  return what.startsWith(`${section}: `) ? what.slice(section.length + 2) : what;
}
