/**
 * Past one process: 1, 2 and 4 gateways, behind a balancer of connections (HAProxy) and on one port that the operating
 * system shares out among them. An external model needs no agreement between gateways. Load, upstream and gateways share
 * the machine's cores: more gateways than those that are left for them cannot be faster.
 */
import { systemTcp } from "../../src/platform/tcp.ts";
import { type GatewayCommand, GatewayProcess } from "../../src/testing/gateway_process.ts";
import { eventually } from "../../src/testing/eventually.ts";
import { chatFile } from "./chat_body.ts";
import { tell } from "./figures.ts";
import { listens } from "./listens.ts";
import { HAPROXY } from "./others.ts";
import { Peer } from "./peer.ts";
import { processorMs, residentMiB } from "./processor_time.ts";
import { ship } from "./shipped.ts";
import { inTurns } from "./turns.ts";

const COUNTS = [1, 2, 4];
const BYTES = 1_024;
const CONNECTIONS = 50;
const LOAD_MS = 3_000;
const SHARED_PORT = new URL("shared_port.js", import.meta.url).pathname;

class Group {
  readonly rates: number[] = [];
  readonly processorUs: number[] = [];
  /** What the busiest gateway did of the work, in %. */
  readonly shares: number[] = [];

  constructor(
    readonly name: string,
    readonly url: string,
    readonly gateways: readonly GatewayProcess[],
  ) {}

  async ask(peer: Peer, body: string, isKept: boolean): Promise<void> {
    const before = this.gateways.map(({ pid }) => processorMs(pid));
    const { count, seconds } = await peer.load(`${this.url}/v1/chat/completions`, body, {
      connections: CONNECTIONS,
      forMs: LOAD_MS,
    });
    const busy = this.gateways.map(({ pid }, i) => processorMs(pid) - before[i]!);
    const sum = busy.reduce((a, b) => a + b, 0);
    if (!isKept) return;
    this.rates.push(count / seconds);
    this.processorUs.push(sum * 1000 / count);
    this.shares.push(Math.max(...busy) / sum * 100);
  }
}

export async function gateways(rounds: number): Promise<void> {
  const peer = await Peer.start();
  if ("reason" in peer) return console.log(`gateways: skipped, ${peer.reason}`);
  await using all = new AsyncDisposableStack();
  all.use(peer);
  const shipped = all.use(await ship());
  const model = `  m: { external: true, upstream: "${peer.url}" }\n`;
  const groups: Group[] = [];
  const start = (count: number, command: GatewayCommand, server = "") =>
    Promise.all(Array.from(
      { length: count },
      async () => all.use(await GatewayProcess.start(model, { command, server })),
    ));
  const haproxy = await HAPROXY.find();
  if ("reason" in haproxy) console.log(`gateways: behind a balancer skipped, ${haproxy.reason}`);
  for (const count of COUNTS) {
    if ("path" in haproxy) {
      const members = await start(count, shipped.command());
      const balancer = all.use(await balance(haproxy.path, peer.dir, members));
      groups.push(new Group(`${count} behind HAProxy`, balancer.url, members));
    }
    const port = systemTcp.freePort();
    const members = await start(count, onOnePort(shipped.command()), `listen: 127.0.0.1:${port}`);
    groups.push(new Group(`${count} on one port`, `http://127.0.0.1:${port}`, members));
  }
  const body = await chatFile(peer.dir, "m", BYTES);
  await inTurns(groups, rounds, (group, isKept) => group.ask(peer, body, isKept));
  const cores = navigator.hardwareConcurrency;
  for (const { name, rates, processorUs, shares, gateways } of groups) {
    const what = `gateways: ${name}, ${cores} cores`;
    tell(`${what}: 1 KB, ${CONNECTIONS} at once`, "requests/s", rates);
    tell(`${what}: processor time of all`, "us/request", processorUs);
    tell(`${what}: the busiest one's part`, "%", shares);
    tell(`${what}: resident, each`, "MiB", gateways.map(({ pid }) => residentMiB(pid)));
  }
}

/** Each gateway listens for itself, and yet on the same port as the others. */
function onOnePort({ words, env }: GatewayCommand): GatewayCommand {
  return {
    words: (dir) =>
      words(dir).flatMap((word) =>
        word === "run" ? [word, "--unstable-net", `--preload=${SHARED_PORT}`] : [word]
      ),
    env,
  };
}

/** Connections go in turn to `members`. */
async function balance(program: string, dir: string, members: readonly GatewayProcess[]) {
  const port = systemTcp.freePort();
  const file = `${dir}/haproxy-${port}.cfg`;
  const lines = members.map(({ url }, i) => `  server g${i} ${new URL(url).host}\n`).join("");
  await Deno.writeTextFile(
    file,
    `global
  nbthread 1
defaults
  mode tcp
  timeout connect 5s
  timeout client 1h
  timeout server 1h
listen gateways
  bind 127.0.0.1:${port}
  balance roundrobin
${lines}`,
  );
  const child = new Deno.Command(program, { args: ["-f", file], stdin: "null" }).spawn();
  await eventually(() => listens(port));
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      child.kill();
      await child.status;
    },
  };
}
