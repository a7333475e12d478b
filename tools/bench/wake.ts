/** What a wake costs beyond the engine's own start: from its port answering to the held request arriving there. */
import { GatewayProcess } from "../../src/testing/gateway_process.ts";
import { tell } from "./figures.ts";
import { lateModel } from "./late_model.ts";

const MESSAGES = [{ role: "user", content: "x".repeat(900) }];

export const WAKES_AFTER_MS = [2_000, 2_300, 2_700];

export function wakeName(afterMs: number): string {
  return `port answers after ${afterMs} ms -> held request there`;
}

/** In front of a cluster. */
export const POD_READY = "pod ready in the API -> held request there";

export async function wakeOverhead(rounds: number): Promise<void> {
  for (const afterMs of WAKES_AFTER_MS) {
    await using gateway = await GatewayProcess.start(lateModel("m", afterMs));
    const overheads: number[] = [];
    for (let round = 1; round <= rounds; round++) {
      const response = await gateway.chat("m", { messages: MESSAGES });
      const { listenedMs, arrivedMs } = await response.json();
      overheads.push(arrivedMs - listenedMs);
      await gateway.until("m", "asleep", 1 + round);
    }
    tell(`wake: ${wakeName(afterMs)}`, "ms", overheads);
  }
}
