/** What 10,000 requests that are held while their model starts take in memory, and that each is answered. */
import { pause, systemClock as clock } from "../../src/platform/clock.ts";
import { eventually } from "../../src/testing/eventually.ts";
import { GatewayProcess } from "../../src/testing/gateway_process.ts";
import { tell } from "./figures.ts";
import { engineOf, hold } from "./hold.ts";
import { Peer } from "./peer.ts";
import { peakMiB, residentMiB } from "./processor_time.ts";
import { ship, type Shipped } from "./shipped.ts";

export const HELD = 10_000;
const BYTES = 4_096;
const AFTER_S = 10;
/** A large engine's; each has a descriptor to the client and one to the engine. */
const IN_FLIGHT_MAX = 1_000;
/** What a gateway has beside them is less than that many. */
const DESCRIPTORS = HELD + 2 * IN_FLIGHT_MAX;

export function heldName(which: string): string {
  return `${HELD} of ${BYTES / 1024} KiB, ${which}`;
}

/** Each round at a gateway of its own. */
export async function held(rounds: number): Promise<void> {
  const descriptors = descriptorsMax();
  if (descriptors < DESCRIPTORS) {
    return console.log(`held: skipped, ${DESCRIPTORS} descriptors wanted, ${descriptors} allowed`);
  }
  const peer = await Peer.start();
  if ("reason" in peer) return console.log(`held: skipped, ${peer.reason}`);
  await using _peer = peer;
  await using shipped = await ship();
  const all: Figures[] = [];
  for (let round = 0; round < rounds; round++) all.push(await holdAll(peer, shipped));
  const tellAll = (which: string, unit: string, key: keyof Figures) =>
    tell(`held: ${heldName(which)}`, unit, all.map((each) => each[key]));
  tellAll("resident before", "MiB", "beforeMiB");
  tellAll("resident while held", "MiB", "heldMiB");
  tellAll("resident at most, while answered", "MiB", "mostMiB");
  tellAll(`resident ${AFTER_S} s after the last answer`, "MiB", "afterMiB");
  tellAll("answered 200", "requests", "answered");
  tellAll("port answers -> last answer", "ms", "lastMs");
}

interface Figures {
  readonly beforeMiB: number;
  readonly heldMiB: number;
  readonly mostMiB: number;
  readonly afterMiB: number;
  readonly answered: number;
  readonly lastMs: number;
}

async function holdAll(peer: Peer, shipped: Shipped): Promise<Figures> {
  const loaded = await Deno.makeTempFile({ dir: peer.dir });
  await Deno.remove(loaded);
  // By default 512 may wait, and any number be in flight; all other limits are the default.
  const limits = `pendingMax: ${HELD}, inFlightMax: ${IN_FLIGHT_MAX}`;
  const model = engineOf(peer, loaded, `${limits}, idleTimeout: 10m`);
  await using gateway = await GatewayProcess.start(model, {
    ...{ command: shipped.command(), server: "operator: 127.0.0.1:0" },
  });
  await pause(2_000, clock);
  const beforeMiB = residentMiB(gateway.pid);
  const outcome = hold(peer, gateway, HELD, BYTES);
  // One that comes before they are held is why they are not.
  await Promise.race([outcome, eventually(async () => await pending(gateway) === HELD, 60_000)]);
  await pause(1_000, clock);
  const heldMiB = residentMiB(gateway.pid);
  await Deno.writeTextFile(loaded, "");
  const { answers, listenedMs, lastAnsweredMs } = await outcome;
  await pause(AFTER_S * 1000, clock);
  return {
    ...{ beforeMiB, heldMiB, mostMiB: peakMiB(gateway.pid) },
    afterMiB: residentMiB(gateway.pid),
    answered: answers[200]!,
    lastMs: lastAnsweredMs - listenedMs,
  };
}

/** Deno and Go allow themselves at their start what they may. */
function descriptorsMax(): number {
  const limits = Deno.readTextFileSync("/proc/self/limits");
  const [, hard] = /^Max open files\s+\d+\s+(\d+)/m.exec(limits) ?? [];
  return Number(hard ?? Infinity);
}

/** How many wait, as the gateway says. */
async function pending({ operatorUrl }: GatewayProcess): Promise<number> {
  await pause(100, clock);
  const page = await (await fetch(`${operatorUrl}/metrics`)).text();
  return Number(/^vllm_autoscaler_pending_requests\{.*\} (\d+)$/m.exec(page)?.[1]);
}
