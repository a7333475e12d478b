/**
 * The gateway's figures as ratios to those of what stands beside it, from one run: the machine is in both, so that it
 * goes out of them.
 */
import type { Figure } from "./figures.ts";
import { median } from "./quantile.ts";

export const GATEWAY = "gateway";

/** By section, measurement and the other side. */
export type Ratios = Readonly<Record<string, Readonly<Record<string, Readonly<Sides>>>>>;
type Sides = Record<string, number>;

/** Shares of a core say who was the bottleneck; they have no better and no worse. */
export function hasDirection(unit: string): boolean {
  return !unit.startsWith("%");
}

/** True if a larger figure is the better one. */
export function isMoreBetter(unit: string): boolean {
  return unit.endsWith("/s");
}

/** Undefined: what stands below is nothing, or less, as a difference of two latencies may be. */
export function ratioOf(of: readonly number[], to: readonly number[]): number | undefined {
  const below = median(to);
  return below > 0 ? median(of) / below : undefined;
}

/** All that there are in `figures`. */
export function ratiosOf(figures: readonly Figure[]): Ratios {
  const ratios: Record<string, Record<string, Sides>> = {};
  for (const own of figures) {
    if (own.side !== GATEWAY || !hasDirection(own.unit)) continue;
    const others = figures.filter(({ section, what, side }) =>
      section === own.section && what === own.what && side !== GATEWAY
    );
    for (const { side, values } of others) {
      const ratio = ratioOf(own.values, values);
      if (ratio === undefined) continue;
      ((ratios[own.section] ??= {})[own.what] ??= {})[side!] = ratio;
    }
  }
  return ratios;
}
