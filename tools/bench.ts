/**
 * `deno task bench [--write] [SECTION...]`: what the gateway costs, on this machine, now. Figures are medians with
 * their range; the machine decides the absolute ones, so whoever compares runs both sides in one run.
 *
 *   deno task bench                all sections; writes docs/BENCHMARKS.md
 *   deno task bench proxies wake   only these; writes nothing
 *   deno task bench --write wake   only these; writes their part of docs/BENCHMARKS.md, and of the baseline
 *   deno task bench soak 60        so many minutes of mixed traffic, which is no part of all; also --soak
 *   deno task bench --write        all, and the whole baseline, bench/baseline.json
 *
 * Ratios that are worse than the baseline's are told, and change nothing: the exit code is 1 only where something could
 * not be measured.
 */
import { readBaseline, tellWorse, updated, worseThan, writeBaseline } from "./bench/baseline.ts";
import { beginSection, figures } from "./bench/figures.ts";
import { gateways } from "./bench/gateways.ts";
import { held } from "./bench/held.ts";
import { idle } from "./bench/idle.ts";
import { image } from "./bench/image.ts";
import { models } from "./bench/models.ts";
import { cluster } from "./bench/on_cluster.ts";
import { writePage } from "./bench/page.ts";
import { proxies } from "./bench/proxies.ts";
import { release } from "./bench/release.ts";
import { soak } from "./bench/soak.ts";
import { start } from "./bench/start.ts";
import { wakeOverhead } from "./bench/wake.ts";

const SECTIONS: Readonly<Record<string, () => Promise<void>>> = {
  proxies,
  wake: () => wakeOverhead(15),
  idle: () => idle(200, 20),
  cluster,
  image,
  start: () => start(15),
  held: () => held(3),
  release: () => release(5),
  models: () => models(15),
  gateways: () => gateways(5),
};

const MINUTES = /^\d+$/;
const minutes = Number(Deno.args.find((word) => MINUTES.test(word)) ?? 60);
/** Only by its name. */
const BY_NAME = { ...SECTIONS, soak: () => soak(minutes) };

const isWriting = Deno.args.includes("--write");
const named = Deno.args.filter((word) => word !== "--write" && !MINUTES.test(word))
  .map((word) => word === "--soak" ? "soak" : word);
const unknown = named.find((name) => !Object.hasOwn(BY_NAME, name));
if (unknown !== undefined) {
  console.error(`There is no section '${unknown}'; there are ${Object.keys(BY_NAME).join(", ")}`);
  Deno.exit(2);
}

/** What was told before it broke is not to be relied on. */
const broken = new Set<string>();
for (const name of named.length > 0 ? named : Object.keys(SECTIONS)) {
  beginSection(name);
  try {
    await BY_NAME[name as keyof typeof BY_NAME]!();
  } catch (error) {
    broken.add(name);
    console.error(`\n!!! ${name}: NOT MEASURED: ${(error as Error).stack}\n`);
  }
}
const measured = figures().filter(({ section }) => !broken.has(section));
const baseline = await readBaseline();
tellWorse(worseThan(baseline, measured));
if (named.length === 0 || isWriting) await writePage(measured);
if (isWriting) await writeBaseline(updated(baseline, measured));
if (broken.size > 0) {
  console.error(`\n!!! Not measured: ${[...broken].join(", ")}`);
  Deno.exit(1);
}
