import { expect } from "expect";
import type { Figure } from "./figures.ts";
import { sectionReport, withSection } from "./report.ts";
import { judge } from "./targets.ts";

const FIGURES: Figure[] = [
  { section: "s", what: "rate", unit: "requests/s", side: "gateway", values: [900, 800, 1_000] },
  { section: "s", what: "rate", unit: "requests/s", side: "bare", values: [1_800] },
  { section: "s", what: "memory", unit: "MiB", side: "bare", values: [34.04] },
  { section: "s", what: "wake", unit: "ms", values: [1, 2, 3] },
  { section: "s", what: "versions", unit: "", values: [], text: "nginx 1.2.3" },
];

Deno.test("sectionReport() has figures, ratios and verdicts, in this order", () => {
  const judged = judge([
    { section: "s", what: "rate", ratioTo: { side: "bare" }, atLeast: 0.95 },
    { section: "s", what: "wake", quantile: 0.95, atMost: 30 },
    { section: "s", what: "nothing", atMost: 1, isStretch: true },
  ], FIGURES);
  expect(sectionReport(FIGURES, judged, "Two cores.")).toBe(`\
_Two cores._

| median (range) | gateway | bare |
| --- | --- | --- |
| rate, requests/s | 900 (800 to 1,000) | 1,800 |
| memory, MiB |  | 34.0 |

| what | median (range) |
| --- | --- |
| wake | 2.00 (1.00 to 3.00) ms, n=3 |
| versions | nginx 1.2.3 |

| gateway, as a multiple of | bare |
| --- | --- |
| rate | 0.50 |

| what | target | this run |  |
| --- | --- | --- | --- |
| rate, as a multiple of bare | at least 0.95 | 0.50 | **missed** |
| wake, p95 | at most 30 | 3.00 | met |
| nothing | at most 1, stretch |  | not measured |`);
});

Deno.test("sectionReport() leaves out the tables that would be empty", () => {
  expect(sectionReport([FIGURES[3]!], [], "Here.")).toBe(
    "_Here._\n\n| what | median (range) |\n| --- | --- |\n| wake | 2.00 (1.00 to 3.00) ms, n=3 |",
  );
});

const PAGE = "# A\n\nBefore.\n\n<!-- begin s -->\nold\n<!-- end s -->\n\nAfter.\n";

Deno.test("withSection() changes nothing but what stands between the markers", () => {
  const written = withSection(PAGE, "s", "new");
  expect(written).toBe(
    "# A\n\nBefore.\n\n<!-- begin s -->\n\nnew\n\n<!-- end s -->\n\nAfter.\n",
  );
  expect(withSection(written, "s", "new")).toBe(written);
});

Deno.test("withSection() gives a section its place that has none", () => {
  expect(withSection(PAGE, "t", "new")).toBe(
    `${PAGE}\n## t\n\n<!-- begin t -->\n\nnew\n\n<!-- end t -->\n`,
  );
});
