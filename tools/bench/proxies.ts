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
  CALM_EVENT,
  EVENT,
  latencyOf,
  OTHERS_TOOK,
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
/** A low rate, so that a latency has no queue in it. */
const PAUSE_US = 2_000;
const EVENTS = { events: MEASURED_MS / 5, intervalMs: 5 };
const MANY_STREAMS = { ...EVENTS, streams: 100 };
const FEW_STREAMS = { ...EVENTS, streams: 10 };
/** What others of the machine may take of a core before a measurement is made again, and how often it is made. */
const OTHERS_SHARE_MAX = 0.25;
const TRIES = 3;

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
    const visit = (run: (side: Side) => Promise<Load>) => visitAll(kept, sides, run);
    for (const [size, file] of Object.entries(bodies)) {
      const options = { connections: CONNECTIONS, forMs: MEASURED_MS };
      rates(kept, size, await visit(({ url }) => peer.load(url, file, options)));
    }
    const small = bodies["1 KB"];
    const calm = { forMs: MEASURED_MS, pauseUs: PAUSE_US };
    added(kept, REQUEST, ["p50", "p95"], await visit(({ url }) => peer.load(url, small, calm)));
    events(kept, await visit(({ url }) => peer.streams(url, small, MANY_STREAMS)));
    const few = await visit(({ url }) => peer.streams(url, small, FEW_STREAMS));
    added(kept, CALM_EVENT, ["p50", "p99"], few);
  }
  samples.tell("proxies");
}

type Found = ReadonlyMap<Side, Measured>;

async function visitAll(
  samples: Samples,
  sides: readonly Side[],
  run: (side: Side) => Promise<Load>,
): Promise<Found> {
  const found = new Map<Side, Measured>();
  for (const side of sides) {
    const measured = await quietest(() => side.measure(() => run(side)));
    samples.add(OTHERS_TOOK, "% of a core", side.name, measured.othersShare * 100);
    found.set(side, measured);
  }
  return found;
}

/** The machine is shared: what was disturbed is measured again, and the least disturbed is taken. */
export async function quietest(measure: () => Promise<Measured>): Promise<Measured> {
  let best = await measure();
  for (let tries = 1; tries < TRIES && best.othersShare > OTHERS_SHARE_MAX; tries++) {
    const next = await measure();
    if (next.othersShare < best.othersShare) best = next;
  }
  return best;
}

/** How busy it was says whether the side was at its end, or the load was. */
function rates(samples: Samples, size: string, found: Found): void {
  for (const [side, { load, processorMs }] of found) {
    const { count, seconds } = load;
    samples.add(rateOf(size), "requests/s", side.name, count / seconds);
    if (side.pid === undefined) continue;
    const us = processorMs * 1000 / count;
    samples.add(processorTimeOf(`${REQUEST}, ${size}`), "us", side.name, us);
    const busy = processorMs / seconds / 1000 * 100;
    samples.add(busyWith(size), "% of the core", side.name, busy);
  }
}

function events(samples: Samples, found: Found): void {
  for (const [side, { load, processorMs }] of found) {
    latency(samples, EVENT, ["p50", "p99"], side, load);
    if (side.pid === undefined) continue;
    samples.add(processorTimeOf(EVENT), "us", side.name, processorMs * 1000 / load.count);
  }
}

function latency(
  samples: Samples,
  what: string,
  percentiles: readonly Percentile[],
  side: Side,
  { latencyMs }: Load,
): void {
  for (const at of percentiles) samples.add(latencyOf(what, at), "ms", side.name, latencyMs[at]);
}

/** A latency as it is, and beyond what it is without anything in between. */
function added(
  samples: Samples,
  what: string,
  percentiles: readonly Percentile[],
  found: Found,
): void {
  const [, { load: direct }] = [...found].find(([side]) => side.pid === undefined)!;
  for (const [side, { load }] of found) {
    latency(samples, what, percentiles, side, load);
    if (side.pid === undefined) continue;
    for (const at of percentiles) {
      const ms = load.latencyMs[at] - direct.latencyMs[at];
      samples.add(addedLatencyOf(what, at), "ms", side.name, ms);
    }
  }
}
