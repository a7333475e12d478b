/**
 * From the call that makes the gateway's process to the line that it listens: with a Deployment, in the image's root,
 * which it enters first, and with a process, which the image does not start, by the same bundle.
 */
import { pause, systemClock as clock } from "../../src/platform/clock.ts";
import { type GatewayCommand, GatewayProcess } from "../../src/testing/gateway_process.ts";
import { ImageRoot, noImageRoot } from "../../src/testing/image_root.ts";
import { tell } from "./figures.ts";
import { imagePod } from "./image_pod.ts";
import { processorMs, residentMiB } from "./processor_time.ts";
import { ship } from "./shipped.ts";

/** Once it has listened for so long, nothing of its start goes on. */
const IDLE_AFTER_S = 2;

const PROCESS = "a process", DEPLOYMENT = "a Deployment";
export const SIDES = [PROCESS, DEPLOYMENT];

export function startName(side: string): string {
  return `${side} configured, to listening`;
}

class Side {
  readonly tookMs: number[] = [];
  readonly busyMs: number[] = [];
  readonly residentMiB: number[] = [];

  constructor(readonly name: string, readonly model: string, readonly command: GatewayCommand) {}

  async start(): Promise<void> {
    const startMs = performance.now();
    await using gateway = await GatewayProcess.start(this.model, {
      ...{ command: this.command, server: "operator: 127.0.0.1:0" },
    });
    const listening = gateway.lines.find(({ msg }) => msg === "listening");
    if (!listening) throw new Error(`${this.name}: ${gateway.text.join("\n")}`);
    this.busyMs.push(processorMs(gateway.pid));
    this.tookMs.push(Date.parse(listening.time) - performance.timeOrigin - startMs);
    await pause(IDLE_AFTER_S * 1000, clock);
    this.residentMiB.push(residentMiB(gateway.pid));
  }
}

export async function start(rounds: number): Promise<void> {
  await using all = new AsyncDisposableStack();
  const process = '  m: { process: { command: ["false", "${PORT}"] } }\n';
  const sides = [new Side(PROCESS, process, all.use(await ship()).command())];
  const reason = noImageRoot();
  if (reason) console.log(`start: with a Deployment skipped, ${reason}`);
  else {
    const root = all.use(await ImageRoot.create());
    const { command } = all.use(await imagePod(root));
    sides.push(new Side(DEPLOYMENT, "  m: { deployment: m }\n", command));
  }
  for (let round = 0; round < rounds; round++) {
    for (const side of sides) await side.start();
  }
  for (const { name, tookMs, busyMs, residentMiB } of sides) {
    tell(`start: ${startName(name)}`, "ms", tookMs);
    tell(`start: ${name} configured, processor time of it`, "ms", busyMs);
    tell(`start: ${name} configured, resident, idle`, "MiB", residentMiB);
  }
}
