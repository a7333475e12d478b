/** What 1,000 models cost beside 10, while one of them is asked: requests/s, memory, and a reload of their config. */
import { pause, systemClock as clock } from "../../src/platform/clock.ts";
import { eventually } from "../../src/testing/eventually.ts";
import { GatewayProcess } from "../../src/testing/gateway_process.ts";
import { chatFile } from "./chat_body.ts";
import { tell } from "./figures.ts";
import { ON_SIDE_CORE, Peer } from "./peer.ts";
import { processorMs, residentMiB } from "./processor_time.ts";
import { quietest } from "./proxies.ts";
import { median } from "./quantile.ts";
import { Side } from "./sides.ts";
import { ship } from "./shipped.ts";
import { inTurns } from "./turns.ts";

const FEW = 10;
const MANY = 1_000;
const BYTES = 1_024;
const CONNECTIONS = 50;
/** Many short ones, in turn: the machine is not as fast all the time. */
const LOAD_MS = 1_000;
const RELOADS = 7;
/** V8 gives back what the reading of the config took when nothing has happened for so long. */
const IDLE_S = 45;

/** What the models are that nobody asks. */
const SETTINGS = {
  external: (upstream: string) => `external: true, upstream: "${upstream}"`,
  "asleep processes": () => 'process: { command: ["false", "${PORT}"] }',
};
type Kind = keyof typeof SETTINGS;
export const KINDS = Object.keys(SETTINGS) as Kind[];

export const MORE_IDLE = `resident, idle for ${IDLE_S} s, more by`;

export function growthName(kind: Kind, what: string): string {
  return `${FEW} -> ${MANY}, ${kind}: ${what}`;
}

class Configured {
  readonly rates: number[] = [];
  readonly processorUs: number[] = [];
  /** What others of the machine took meanwhile, of a core. */
  readonly othersShares: number[] = [];
  readonly startedMiB: number;
  idleMiB = NaN;

  constructor(
    readonly kind: Kind,
    readonly count: number,
    readonly models: (extra: string) => string,
    readonly gateway: GatewayProcess,
  ) {
    this.startedMiB = residentMiB(gateway.pid);
  }

  async ask(peer: Peer, body: string, isKept: boolean): Promise<void> {
    const side = new Side(`${this.count} models`, this.gateway.url, this.gateway.pid);
    const options = { connections: CONNECTIONS, forMs: LOAD_MS };
    const { load: { count, seconds }, processorMs, othersShare } = await quietest(() =>
      side.measure(() => peer.load(side.url, body, options))
    );
    if (!isKept) return;
    this.rates.push(count / seconds);
    this.processorUs.push(processorMs * 1000 / count);
    this.othersShares.push(othersShare * 100);
  }
}

export async function models(rounds: number): Promise<void> {
  const peer = await Peer.start();
  if ("reason" in peer) return console.log(`models: skipped, ${peer.reason}`);
  await using all = new AsyncDisposableStack();
  all.use(peer);
  const shipped = all.use(await ship());
  const { url } = peer;
  const body = await chatFile(peer.dir, "m0", BYTES);
  const sides: Configured[] = [];
  for (const kind of KINDS) {
    for (const count of [FEW, MANY]) {
      const yaml = (extra: string) =>
        `  m0: { external: true, upstream: "${url}", ${extra} }\n` +
        Array.from({ length: count - 1 }, (_, i) => `  m${i + 1}: { ${SETTINGS[kind](url)} }\n`)
          .join("");
      const command = shipped.command(...ON_SIDE_CORE);
      const gateway = all.use(await GatewayProcess.start(yaml("enabled: true"), { command }));
      await pause(2_000, clock);
      sides.push(new Configured(kind, count, yaml, gateway));
    }
  }
  await pause(IDLE_S * 1_000, clock);
  for (const side of sides) side.idleMiB = residentMiB(side.gateway.pid);
  await inTurns(sides, rounds, (side, isKept) => side.ask(peer, body, isKept));
  for (const side of sides) tellSide(side);
  const others = sides.flatMap(({ othersShares }) => othersShares);
  tell("models: others of the machine took meanwhile", "% of a core", others);
  for (const kind of KINDS) tellGrowth(kind, sides);
  for (const side of sides) if (side.count === MANY) await reload(side);
}

function tellSide(side: Configured): void {
  const { kind, count, rates, processorUs, startedMiB, idleMiB, gateway } = side;
  const what = `models: ${count}, ${kind}`;
  tell(`${what}: 1 KB, ${CONNECTIONS} at once, one core`, "requests/s", rates);
  tell(`${what}: processor time`, "us/request", processorUs);
  tell(`${what}: resident, just started`, "MiB", [startedMiB]);
  tell(`${what}: resident, idle for ${IDLE_S} s`, "MiB", [idleMiB]);
  tell(`${what}: resident, after the load`, "MiB", [residentMiB(gateway.pid)]);
}

function tellGrowth(kind: Kind, sides: readonly Configured[]): void {
  const [few, many] = sides.filter((side) => side.kind === kind) as [Configured, Configured];
  const tellOf = (what: string, unit: string, value: number) =>
    tell(`models: ${growthName(kind, what)}`, unit, [value]);
  tellOf("requests/s", "%", median(many.rates) / median(few.rates) * 100);
  const inRounds = many.rates.map((rate, round) => rate / few.rates[round]! * 100);
  tell(`models: ${growthName(kind, "requests/s in the same round")}`, "%", inRounds);
  const processor = median(many.processorUs) / median(few.processorUs) * 100;
  tellOf("processor time", "%", processor);
  tellOf("resident, just started, more by", "MiB", many.startedMiB - few.startedMiB);
  tellOf(MORE_IDLE, "MiB", many.idleMiB - few.idleMiB);
}

/** From the signal to the line that it is done; one model differs. */
async function reload({ kind, count, models, gateway }: Configured): Promise<void> {
  const took: number[] = [], busy: number[] = [];
  const done = () => gateway.lines.filter(({ msg }) => msg === "config reloaded");
  for (let round = 0; round < RELOADS; round++) {
    const before = processorMs(gateway.pid);
    await gateway.write(models(`responseTimeout: ${round + 1}m`));
    const startMs = Date.now();
    gateway.signal("SIGHUP");
    await eventually(() => done().length > round);
    took.push(Date.parse(done().at(-1)!.time) - startMs);
    // The file's watch tells of it as well, and finds nothing new.
    await pause(500, clock);
    busy.push(processorMs(gateway.pid) - before);
  }
  tell(`models: ${count}, ${kind}: reload, SIGHUP -> in force`, "ms", took);
  tell(`models: ${count}, ${kind}: processor time of it`, "ms", busy);
}
