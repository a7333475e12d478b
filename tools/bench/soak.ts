/**
 * `deno task bench soak [MINUTES]`: mixed traffic for an hour, while models wake and sleep, fail to start, come and go.
 * Nothing may be lost, and neither memory nor descriptors may grow for ever.
 */
import { pause, systemClock as clock } from "../../src/platform/clock.ts";
import { systemTcp } from "../../src/platform/tcp.ts";
import { eventually } from "../../src/testing/eventually.ts";
import { GatewayProcess } from "../../src/testing/gateway_process.ts";
import { RealtimeEngine } from "../../src/testing/realtime_sockets.ts";
import { tell, tellOne } from "./figures.ts";
import { engineWords } from "./hold.ts";
import { listens } from "./listens.ts";
import { Peer } from "./peer.ts";
import { residentMiB } from "./processor_time.ts";
import { ship } from "./shipped.ts";
import { slopeOf } from "./slope.ts";
import { Ledger, OUTCOMES } from "./soak_ledger.ts";
import { SLEEPERS, traffic } from "./soak_traffic.ts";

const SAMPLE_EVERY_S = 5;
const LINE_EVERY = 6;
/** After the traffic: what is kept for the next request may go. */
const REST_S = 10;

interface Sample {
  readonly atH: number;
  readonly mib: number;
  readonly descriptors: number;
}

export const LOST = "lost";

/** `what`: "resident" or "open". */
export function slopeName(what: string): string {
  return `${what}, slope of the second half`;
}

/** @throws if a request was lost, or the gateway died */
export async function soak(minutes: number): Promise<void> {
  const peer = await Peer.start();
  if ("reason" in peer) return console.log(`soak: skipped, ${peer.reason}`);
  await using all = new AsyncDisposableStack();
  all.use(peer);
  const shipped = all.use(await ship());
  const spoken = all.use(new RealtimeEngine());
  const up = all.use(await alwaysUp(peer));
  const models = configOf(peer, up.url, spoken.url);
  const gateway = all.use(
    await GatewayProcess.start(models(false), { command: shipped.command() }),
  );
  let death: string | undefined;
  gateway.status.then(({ code, signal }) => death = `${signal ?? code}: ${gateway.text.join(" ")}`);
  const begin = sample(gateway);
  const ledger = new Ledger();
  const stop = new AbortController();
  const client = Deno.createHttpClient({ http2: false });
  const configure = (withExtra: boolean) => gateway.write(models(withExtra));
  const sent = traffic({ gateway, client, ledger, configure }, stop.signal);
  const samples: Sample[] = [];
  for (let at = 1; at <= minutes * 60 / SAMPLE_EVERY_S && death === undefined; at++) {
    await pause(SAMPLE_EVERY_S * 1000, clock);
    if (death !== undefined) break;
    samples.push(sample(gateway));
    if (at % LINE_EVERY === 0) console.log(lineOf(samples, ledger));
  }
  stop.abort();
  await sent;
  client.close();
  if (death === undefined) await pause(REST_S * 1000, clock);
  tellLedger(ledger, gateway);
  if (death !== undefined) throw new Error(`the gateway died: ${death}`);
  tellSamples(begin, samples, sample(gateway));
  if (ledger.lostCount > 0) throw new Error(`requests were lost: ${ledger.faults}`);
}

function sample({ pid }: GatewayProcess): Sample {
  const descriptors = [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
  return { atH: performance.now() / 3_600_000, mib: residentMiB(pid), descriptors };
}

function lineOf(samples: readonly Sample[], ledger: Ledger): string {
  const { mib, descriptors } = samples.at(-1)!;
  const minutes = samples.length * SAMPLE_EVERY_S / 60;
  return `soak: ${minutes.toFixed(1)} min, ${mib.toFixed(1)} MiB, ${descriptors} descriptors, ` +
    ledger.summary;
}

function tellLedger(ledger: Ledger, { lines }: GatewayProcess): void {
  for (const kind of ledger.kinds) {
    const counts = OUTCOMES
      .map((outcome) => [ledger.count(outcome, kind), outcome] as const)
      .filter(([count]) => count > 0);
    tellOne(`soak: ${kind}`, counts.map((pair) => pair.join(" ")).join(", "));
  }
  tell("soak: requests, all", "requests", [ledger.all]);
  tell(`soak: ${LOST}`, "requests", [ledger.lostCount]);
  const seen = (wanted: string) => lines.filter(({ msg }) => msg === wanted).length;
  tell("soak: wakes", "wakes", [seen("waking")]);
  tell("soak: reloads", "reloads", [seen("config reloaded")]);
  const errors = Map.groupBy(lines.filter(({ level }) => level === "error"), ({ msg }) => msg);
  const each = [...errors].map(([msg, { length }]) => `${length} x ${msg}`).join(", ");
  tellOne("soak: errors in the log", each || "none");
}

/** The first half is for the caches to fill. */
function tellSamples(begin: Sample, samples: readonly Sample[], end: Sample): void {
  const half = samples.slice(Math.floor(samples.length / 2));
  for (const [key, what, unit] of MEASURED) {
    tell(`soak: ${what}, second half`, unit, half.map((each) => each[key]));
    tell(`soak: ${slopeName(what)}`, `${unit}/h`, [
      slopeOf(half.map((each) => [each.atH, each[key]])),
    ]);
    tell(`soak: ${what}, before`, unit, [begin[key]]);
    tell(`soak: ${what}, ${REST_S} s after`, unit, [end[key]]);
  }
}

const MEASURED = [["mib", "resident", "MiB"], ["descriptors", "open", "descriptors"]] as const;

/** An engine that nobody starts or stops meanwhile. */
async function alwaysUp({ program }: Peer) {
  const port = systemTcp.freePort();
  const child = new Deno.Command(program, {
    args: ["engine", `${port}`, "0"],
    stdin: "null",
  }).spawn();
  await eventually(() => listens(port));
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      try {
        child.kill();
      } catch {
        // It has ended already, and that is why requests were lost.
      }
      await child.status;
    },
  };
}

/** The models as YAML; each config differs from the one before. */
function configOf(peer: Peer, up: string, spoken: string): (withExtra: boolean) => string {
  let written = 0;
  const external = (url: string) => `external: true, upstream: "${url}"`;
  const command = JSON.stringify(engineWords(peer, 300));
  const asleep = SLEEPERS.map((name) =>
    `  ${name}: { process: { command: ${command} }, idleTimeout: 1s }\n`
  ).join("");
  const broken = 'process: { command: ["false", "${PORT}"] }, retryAfterMax: 10s';
  return (withExtra) =>
    `  up: { ${external(up)}, responseTimeout: ${60 + ++written}s }\n` +
    `  spoken: { ${external(spoken)} }\n${asleep}  broken: { ${broken} }\n` +
    (withExtra ? `  extra: { ${external(up)} }\n` : "");
}
