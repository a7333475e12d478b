/**
 * Memory of the gateway and of what stands beside it: new processes, idle, then with many open streams, then after large
 * bodies at once. All
 * hold their streams at the same time: unlike time on the core, memory is not shared.
 */
import { pause, systemClock as clock } from "../../src/platform/clock.ts";
import { AFTER_LARGE, IDLE, LATER, memoryWhen, PEAK, STREAMING } from "./measurements.ts";
import { Samples } from "./samples.ts";
import type { Comparison, Side } from "./sides.ts";

const ROUNDS = 3;
const SETTLED_MS = 3_000;
/** A word a second each; the last is said after memory was measured. */
const STREAMS = { streams: 500, events: 10, intervalMs: 1_000 };
const WORDS_BEFORE = 8;
const LARGE_BODIES = 50;
const LATER_MS = 10_000;

export async function memory({ peer, starters, bodies }: Comparison): Promise<void> {
  const samples = new Samples();
  for (let round = 1; round <= ROUNDS; round++) {
    console.log(`proxies: memory, round ${round} of ${ROUNDS}`);
    await using stack = new AsyncDisposableStack();
    const sides: Side[] = [];
    for (const starter of starters) {
      const side = await starter.start(stack);
      if (side.pid !== undefined) sides.push(side);
    }
    const note = (what: string, side: Side) =>
      samples.add(memoryWhen(what), "MiB", side.name, side.residentMiB);
    await pause(SETTLED_MS, clock);
    for (const side of sides) note(IDLE, side);
    const streams = Promise.all(
      sides.map((side) => side.measure(() => peer.streams(side.url, bodies["1 KB"], STREAMS))),
    );
    await Promise.race([streams, pause(WORDS_BEFORE * STREAMS.intervalMs, clock)]);
    for (const side of sides) note(STREAMING, side);
    await streams;
    const later: Promise<void>[] = [];
    for (const side of sides) {
      const options = { connections: LARGE_BODIES };
      await side.measure(() => peer.load(side.url, bodies["1 MB, model first"], options));
      note(AFTER_LARGE, side);
      later.push(pause(LATER_MS, clock).then(() => note(LATER, side)));
    }
    await Promise.all(later);
    for (const side of sides) samples.add(memoryWhen(PEAK), "MiB", side.name, side.peakMiB);
  }
  samples.tell("proxies");
}
