/**
 * The gateway beside doing without it, beside the least that the platform allows, and beside what people would use
 * instead: requests a second, what a request and an event cost, what they wait longer, and memory. Each round visits
 * all of them for each measurement, so that a noisy minute is a noisy minute for all.
 */
import { writeBodies } from "./bodies.ts";
import { tellOne } from "./figures.ts";
import {
  addedLatencyOf,
  busyWith,
  EVENT,
  latencyOf,
  type Percentile,
  processorTimeOf,
  rateOf,
  REQUEST,
} from "./measurements.ts";
import { type Load, Peer } from "./peer.ts";
import { memory } from "./proxy_memory.ts";
import { Samples } from "./samples.ts";
import { type Comparison, findSides, type Measured, type Side } from "./sides.ts";

const ROUNDS = 5;
const MEASURED_MS = 2_000;
const CONNECTIONS = 50;
const STREAMS = { streams: 100, events: 400, intervalMs: 5 };
/** One that asks at a low rate. */
const PAUSE_US = 2_000;

export async function proxies(): Promise<void> {
  const peer = await Peer.start();
  if ("reason" in peer) return console.log(`proxies: skipped, ${peer.reason}`);
  await using stack = new AsyncDisposableStack();
  stack.use(peer);
  const starters = await findSides(peer, stack);
  const versions = starters.filter(({ version }) => version !== "");
  tellOne(
    "proxies: versions",
    versions.map(({ name, version }) => `${name} ${version}`).concat(`Go ${peer.go}`).join(", "),
  );
  const all: Comparison = { peer, starters, bodies: await writeBodies(peer.dir) };
  await timed(all);
  await memory(all);
}

async function timed({ peer, starters, bodies }: Comparison): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const sides: Side[] = [];
  for (const starter of starters) sides.push(await starter.start(stack));
  const samples = new Samples();
  // The first round is for the compilers.
  for (let round = 0; round <= ROUNDS; round++) {
    console.log(round === 0 ? "proxies: warming up" : `proxies: round ${round} of ${ROUNDS}`);
    const kept = round === 0 ? new Samples() : samples;
    for (const [size, file] of Object.entries(bodies)) {
      for (const side of sides) {
        const options = { connections: CONNECTIONS, forMs: MEASURED_MS };
        const measured = await side.measure(() => peer.load(side.url, file, options));
        rate(kept, side, size, measured);
      }
    }
    const one = await measureAll(
      sides,
      ({ url }) => peer.load(url, bodies["1 KB"], { forMs: MEASURED_MS, pauseUs: PAUSE_US }),
    );
    latency(kept, one, REQUEST, ["p50", "p95"]);
    const many = await measureAll(sides, ({ url }) => peer.streams(url, bodies["1 KB"], STREAMS));
    events(kept, many);
  }
  samples.tell("proxies");
}

/** The share says whether the side was at its end, or the load was. */
function rate(samples: Samples, side: Side, size: string, { load, processorMs }: Measured): void {
  const { count, seconds } = load;
  samples.add(rateOf(size), "requests/s", side.name, count / seconds);
  if (side.pid === undefined) return;
  const us = processorMs * 1000 / count;
  samples.add(processorTimeOf(`${REQUEST}, ${size}`), "us", side.name, us);
  const busy = processorMs / seconds / 1000 * 100;
  samples.add(busyWith(size), "% of the core", side.name, busy);
}

type Found = ReadonlyMap<Side, Measured>;

async function measureAll(
  sides: readonly Side[],
  run: (side: Side) => Promise<Load>,
): Promise<Found> {
  const found = new Map<Side, Measured>();
  for (const side of sides) found.set(side, await side.measure(() => run(side)));
  return found;
}

function events(samples: Samples, found: Found): void {
  for (const [side, { load, processorMs }] of found) {
    if (side.pid === undefined) continue;
    samples.add(processorTimeOf(EVENT), "us", side.name, processorMs * 1000 / load.count);
  }
  latency(samples, found, EVENT, ["p50", "p99"]);
}

/** As it is, and beyond what it is without anything in between. */
function latency(
  samples: Samples,
  found: Found,
  what: string,
  percentiles: readonly Percentile[],
): void {
  const [, direct] = [...found].find(([side]) => side.pid === undefined)!;
  for (const at of percentiles) {
    for (const [side, { load }] of found) {
      const ms = load.latencyMs[at];
      samples.add(latencyOf(what, at), "ms", side.name, ms);
      if (side.pid === undefined) continue;
      samples.add(addedLatencyOf(what, at), "ms", side.name, ms - direct.load.latencyMs[at]);
    }
  }
}
