/** Writes what a run found into `docs/BENCHMARKS.md`. */
import type { Figure } from "./figures.ts";
import { sectionReport, withSection } from "./report.ts";
import { judge, TARGETS } from "./targets.ts";

const PAGE = new URL("../../docs/BENCHMARKS.md", import.meta.url);

/** The sections that have figures; the others stay as they are. */
export async function writePage(figures: readonly Figure[]): Promise<void> {
  let page = await Deno.readTextFile(PAGE);
  for (const [section, own] of Map.groupBy(figures, ({ section }) => section)) {
    page = withSection(page, section, sectionReport(own, judge(TARGETS, own), machine()));
  }
  await Deno.writeTextFile(PAGE, await formatted(page));
}

/** In general terms; the numbers of the kernel without what its vendor adds. */
function machine(): string {
  const [kernel] = /^[\d.]+/.exec(Deno.osRelease()) ?? ["?"];
  const cores = `${navigator.hardwareConcurrency} shared cores`;
  const date = new Date().toISOString().slice(0, 10);
  return `Measured on ${date}: ${cores}, Linux ${kernel}, Deno ${Deno.version.deno}.`;
}

/** As `deno fmt` leaves it: the gate asks. */
async function formatted(page: string): Promise<string> {
  const formatter = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--ext", "md", "--line-width", "100", "-"],
    ...{ stdin: "piped", stdout: "piped", stderr: "inherit" },
  }).spawn();
  const writer = formatter.stdin.getWriter();
  await writer.write(new TextEncoder().encode(page));
  await writer.close();
  const { success, stdout } = await formatter.output();
  if (!success) throw new Error("Cannot format the page");
  return new TextDecoder().decode(stdout);
}
