/**
 * The figures of a run as tables for `docs/BENCHMARKS.md`. A section's tables stand between a pair of markers that are
 * its own; what is written by hand around them stays.
 */
import type { Figure } from "./figures.ts";
import { median, quantile, short } from "./quantile.ts";
import { GATEWAY, ratiosOf } from "./ratios.ts";
import type { Judged, Target } from "./targets.ts";

/** Of one section: its figures, then its ratios, then what is asked of it. `machine` says where and when. */
export function sectionReport(
  figures: readonly Figure[],
  judged: readonly Judged[],
  machine: string,
): string {
  return [
    `_${machine}_`,
    ...figuresTables(figures),
    ...ratioTable(figures),
    ...targetTable(judged),
  ].join("\n\n");
}

/** `page` with `text` between the markers of the section; one that has none gets them, and a heading, at the end. */
export function withSection(page: string, section: string, text: string): string {
  const begin = `<!-- begin ${section} -->`, end = `<!-- end ${section} -->`;
  const between = `${begin}\n\n${text}\n\n${end}`;
  const from = page.indexOf(begin), to = page.indexOf(end);
  if (from < 0 || to < from) return `${page.trimEnd()}\n\n## ${section}\n\n${between}\n`;
  return page.slice(0, from) + between + page.slice(to + end.length);
}

/** Those with sides side by side, the others below each other. */
function figuresTables(figures: readonly Figure[]): string[] {
  const compared = figures.filter(({ side }) => side !== undefined);
  const alone = figures.filter(({ side }) => side === undefined);
  const sides = unique(compared.map(({ side }) => side!));
  const rows = unique(compared.map(({ what }) => what)).map((what) => {
    const row = compared.filter((figure) => figure.what === what);
    const cells = sides.map((name) => cellOf(row.find(({ side }) => side === name)));
    return [`${what}, ${row[0]!.unit}`, ...cells];
  });
  return [
    ...table(["median (range)", ...sides], rows),
    ...table(
      ["what", "median (range)"],
      alone.map((figure) => {
        const { what, unit, text, values } = figure;
        return [what, text ?? `${cellOf(figure)} ${unit}, n=${values.length}`];
      }),
    ),
  ];
}

function cellOf(figure: Figure | undefined): string {
  if (!figure) return "";
  const { values } = figure;
  if (values.length === 1) return short(values[0]!);
  const at = (share: number) => short(quantile(values, share));
  return `${short(median(values))} (${at(0)} to ${at(1)})`;
}

function ratioTable(figures: readonly Figure[]): string[] {
  const rows = Object.values(ratiosOf(figures)).flatMap((section) => Object.entries(section));
  const sides = unique(rows.flatMap(([, bySide]) => Object.keys(bySide)));
  return table(
    [`${GATEWAY}, as a multiple of`, ...sides],
    rows.map(([what, bySide]) => [
      what,
      ...sides.map((side) => bySide[side] === undefined ? "" : short(bySide[side])),
    ]),
  );
}

function targetTable(judged: readonly Judged[]): string[] {
  return table(
    ["what", "target", "this run", ""],
    judged.map(({ target, value, isMet }) => [
      nameOf(target),
      limitOf(target) + (target.isStretch ? ", stretch" : ""),
      value === undefined ? "" : short(value),
      value === undefined ? "not measured" : isMet ? "met" : "**missed**",
    ]),
  );
}

function nameOf({ what, quantile, ratioTo }: Target): string {
  const name = quantile === undefined ? what : `${what}, p${quantile * 100}`;
  if (!ratioTo) return name;
  return `${name}, as a multiple of ${"side" in ratioTo ? ratioTo.side : ratioTo.what}`;
}

function limitOf({ atLeast, atMost }: Target): string {
  return atLeast === undefined ? `at most ${atMost}` : `at least ${atLeast}`;
}

/** Nothing without rows. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  if (rows.length === 0) return [];
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [[line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n")];
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names)];
}
