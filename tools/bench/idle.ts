/** What a gateway costs that has many models and that nobody asks. */
import { pause, systemClock as clock } from "../../src/platform/clock.ts";
import { GatewayProcess } from "../../src/testing/gateway_process.ts";
import { tellOne } from "./figures.ts";
import { lateModel } from "./late_model.ts";
import { processorMs, residentMiB } from "./processor_time.ts";

const SETTLED_MS = 2_000;

export async function idle(models: number, seconds: number): Promise<void> {
  const yaml = Array.from({ length: models }, (_, i) => lateModel(`m${i}`, 0)).join("");
  await using gateway = await GatewayProcess.start(yaml);
  await pause(SETTLED_MS, clock);
  const before = processorMs(gateway.pid);
  await pause(seconds * 1000, clock);
  const share = (processorMs(gateway.pid) - before) / (seconds * 1000) * 100;
  tellOne(`idle: ${models} models, nobody asks, ${seconds} s`, `${share.toFixed(2)} % of a core`);
  tellOne(`idle: ${models} models, resident memory`, `${residentMiB(gateway.pid).toFixed(1)} MiB`);
}
