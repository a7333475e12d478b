/**
 * The ratios that were committed, beside those of a run. What is worse by less than a shared machine's noise is not
 * told; nothing here fails.
 */
import type { Figure } from "./figures.ts";
import { isMoreBetter, type Ratios, ratiosOf } from "./ratios.ts";

/** Below it a difference means nothing on a machine that others use as well. */
const NOISE = 1.3;

const FILE = new URL("baseline.json", import.meta.url);

export interface Worse {
  readonly section: string;
  readonly what: string;
  readonly side: string;
  readonly was: number;
  readonly is: number;
}

/** Each ratio in `figures` that is worse than in `baseline` by more than the noise. */
export function worseThan(baseline: Ratios, figures: readonly Figure[]): Worse[] {
  const units = new Map(figures.map(({ section, what, unit }) => [`${section}: ${what}`, unit]));
  return Object.entries(ratiosOf(figures)).flatMap(([section, measurements]) =>
    Object.entries(measurements).flatMap(([what, sides]) =>
      Object.entries(sides).flatMap(([side, is]) => {
        const was = baseline[section]?.[what]?.[side];
        if (was === undefined) return [];
        const factor = isMoreBetter(units.get(`${section}: ${what}`)!) ? was / is : is / was;
        return factor > NOISE ? [{ section, what, side, was, is }] : [];
      })
    )
  );
}

/** `baseline` with the ratios of the sections that were run; a section is replaced as a whole. */
export function updated(baseline: Ratios, figures: readonly Figure[]): Ratios {
  return { ...baseline, ...ratiosOf(figures) };
}

export async function readBaseline(): Promise<Ratios> {
  return JSON.parse(await Deno.readTextFile(FILE));
}

export async function writeBaseline(ratios: Ratios): Promise<void> {
  const rounded = (_: string, value: unknown) =>
    typeof value === "number" ? Number(value.toPrecision(3)) : value;
  await Deno.writeTextFile(FILE, JSON.stringify(ratios, rounded, 2) + "\n");
}

/** One line each, for whoever ran it. */
export function tellWorse(worse: readonly Worse[]): void {
  if (worse.length === 0) return console.log(`\nNo ratio is worse than the baseline's x ${NOISE}`);
  console.log(`\nWorse than the baseline by more than ${NOISE}x:`);
  for (const { section, what, side, was, is } of worse) {
    console.log(`  ${section}: ${what}: of ${side}: ${was.toFixed(2)} -> ${is.toFixed(2)}`);
  }
}
