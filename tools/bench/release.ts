/** How soon 200 held requests are answered that are let go at once, after the port of their engine has answered. */
import { GatewayProcess } from "../../src/testing/gateway_process.ts";
import { tell } from "./figures.ts";
import { engineOf, hold } from "./hold.ts";
import { Peer } from "./peer.ts";
import { ship } from "./shipped.ts";

const HELD = 200;
const BYTES = 1_024;
export const RELEASED = `${HELD} held, port answers -> the last is answered`;

/** So many rounds for each time that an engine may take to load: when the gateway asks next differs. */
export async function release(rounds: number): Promise<void> {
  const peer = await Peer.start();
  if ("reason" in peer) return console.log(`release: skipped, ${peer.reason}`);
  await using _peer = peer;
  await using shipped = await ship();
  const arrived: number[] = [], answered: number[] = [];
  for (const afterMs of [2_000, 2_300, 2_700]) {
    const model = engineOf(peer, afterMs, "idleTimeout: 100ms");
    await using gateway = await GatewayProcess.start(model, { command: shipped.command() });
    for (let round = 1; round <= rounds; round++) {
      const { listenedMs, lastArrivedMs, lastAnsweredMs } = await hold(peer, gateway, HELD, BYTES);
      arrived.push(lastArrivedMs - listenedMs);
      answered.push(lastAnsweredMs - listenedMs);
      // The first `asleep` is what it was found as.
      await gateway.until("m", "asleep", 1 + round);
    }
  }
  tell(`release: ${HELD} held, port answers -> the last at the engine`, "ms", arrived);
  tell(`release: ${RELEASED}`, "ms", answered);
}
