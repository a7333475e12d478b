/**
 * `deno task bench [SECTION...]`: what the gateway costs, on this machine, now. Figures are medians with their range;
 * the machine decides the absolute ones, so whoever compares runs both sides in one run.
 */
import { systemTcp } from "../src/platform/tcp.ts";
import { eventually } from "../src/testing/eventually.ts";
import { GatewayProcess } from "../src/testing/gateway_process.ts";
import { OwnControlPlane } from "./own_control_plane.ts";
import { tell, tellOne } from "./bench/figures.ts";
import { gateways } from "./bench/gateways.ts";
import { held } from "./bench/held.ts";
import { image } from "./bench/image.ts";
import { models } from "./bench/models.ts";
import { processorMs, residentMiB } from "./bench/processor_time.ts";
import { release } from "./bench/release.ts";
import { start } from "./bench/start.ts";

const UPSTREAM = new URL("bench/late_server.ts", import.meta.url).pathname;
const MESSAGES = [{ role: "user", content: "x".repeat(900) }];

function lateModel(name: string, afterMs: number): string {
  const command = [Deno.execPath(), "run", "-A", "--no-check", UPSTREAM, "${PORT}", `${afterMs}`];
  return `  ${name}:\n    process: { command: ${
    JSON.stringify(command)
  } }\n    idleTimeout: 100ms\n`;
}

/** From the engine's port answering to the held request arriving there. */
async function wakeOverhead(rounds: number): Promise<void> {
  for (const afterMs of [2_000, 2_300, 2_700]) {
    await using gateway = await GatewayProcess.start(lateModel("m", afterMs));
    const overheads: number[] = [];
    for (let round = 1; round <= rounds; round++) {
      const response = await gateway.chat("m", { messages: MESSAGES });
      const { listenedMs, arrivedMs } = await response.json();
      overheads.push(arrivedMs - listenedMs);
      await gateway.until("m", "asleep", 1 + round);
    }
    tell(`wake: port answers after ${afterMs} ms -> held request there`, "ms", overheads);
  }
}

/** Processor time for one warm request and what it adds to its latency, beside a proxy of a few lines. */
async function warm(rounds: number): Promise<void> {
  const requests = 2_000;
  const model = lateModel("m", 0).replace("100ms", "10m");
  await using gateway = await GatewayProcess.start(model);
  await (await gateway.chat("m")).text();
  const upstream = gateway.engineUrl("m");
  await using bare = await BareProxy.start(upstream);
  const path = "/v1/chat/completions";
  const sides = {
    direct: { url: upstream + path, pid: undefined },
    bare: { url: bare.url + path, pid: bare.pid },
    gateway: { url: gateway.url + path, pid: gateway.pid },
  };
  const cpu: Record<string, number[]> = {}, latency: Record<string, number[]> = {};
  for (let round = -1; round < rounds; round++) {
    for (const [side, { url, pid }] of Object.entries(sides)) {
      const before = pid === undefined ? 0 : processorMs(pid);
      await load(url, requests, 50);
      const us = pid === undefined ? 0 : (processorMs(pid) - before) / requests * 1000;
      const one = await load(url, 300, 1);
      // The first round is for the compiler.
      if (round < 0) continue;
      (cpu[side] ??= []).push(us);
      (latency[side] ??= []).push(...one);
    }
  }
  for (const side of ["bare", "gateway"]) {
    tell(`warm: processor time, 1 KB, 50 at once: ${side}`, "us/request", cpu[side]!);
  }
  for (const side of Object.keys(sides)) {
    tell(`warm: one request at a time: ${side}`, "ms", latency[side]!);
  }
  for (const [side, { pid }] of Object.entries({ bare, gateway })) {
    tellOne(`warm: resident memory after it: ${side}`, `${residentMiB(pid).toFixed(1)} MiB`);
  }
}

/** The floor, as a process of its own. */
class BareProxy implements AsyncDisposable {
  private constructor(readonly url: string, readonly child: Deno.ChildProcess) {}

  static async start(upstream: string): Promise<BareProxy> {
    const port = systemTcp.freePort();
    const script = new URL("bench/bare_proxy.ts", import.meta.url).pathname;
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", script, String(port), upstream],
      stdin: "null",
    }).spawn();
    await eventually(async () => await systemTcp.connect("127.0.0.1", port, 1_000) === "accepted");
    return new BareProxy(`http://127.0.0.1:${port}`, child);
  }

  get pid(): number {
    return this.child.pid;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill();
    await this.child.status;
  }
}

/** Sends `count` requests, `width` at once; the latency of each in ms. */
async function load(url: string, count: number, width: number): Promise<number[]> {
  const body = JSON.stringify({ model: "m", messages: MESSAGES });
  const headers = { "content-type": "application/json" };
  const latencies: number[] = [];
  let left = count;
  const worker = async () => {
    while (left-- > 0) {
      const startMs = performance.now();
      const response = await fetch(url, { method: "POST", headers, body });
      await response.text();
      if (response.status !== 200) throw new Error(`${url}: ${response.status}`);
      latencies.push(performance.now() - startMs);
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
  return latencies;
}

/** A gateway with many models that nobody uses. */
async function idle(models: number, seconds: number): Promise<void> {
  const yaml = Array.from({ length: models }, (_, i) => lateModel(`m${i}`, 0)).join("");
  await using gateway = await GatewayProcess.start(yaml);
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  const before = processorMs(gateway.pid);
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const share = (processorMs(gateway.pid) - before) / (seconds * 1000) * 100;
  tellOne(`idle: ${models} models, nobody asks, ${seconds} s`, `${share.toFixed(2)} % of a core`);
  tellOne(`idle: ${models} models, resident memory`, `${residentMiB(gateway.pid).toFixed(1)} MiB`);
}

/** On the cluster of `$TEST_KUBECONFIG`, or a control plane of its own from `$CONTROL_PLANE_KIT`. */
async function cluster(): Promise<void> {
  const kit = Deno.env.get("CONTROL_PLANE_KIT");
  await using plane = kit && !Deno.env.has("TEST_KUBECONFIG")
    ? await OwnControlPlane.start(kit)
    : undefined;
  if (!plane && !Deno.env.has("TEST_KUBECONFIG")) {
    return console.log("cluster: skipped, set TEST_KUBECONFIG or CONTROL_PLANE_KIT");
  }
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", new URL("bench/cluster.ts", import.meta.url).pathname],
    ...{ env: { ...plane?.env }, stdin: "null" },
  }).spawn().status;
  if (!success) throw new Error("the benchmark of the cluster failed: see above");
}

const SECTIONS: Readonly<Record<string, () => Promise<void>>> = {
  wake: () => wakeOverhead(7),
  warm: () => warm(5),
  idle: () => idle(200, 20),
  cluster,
  image,
  start: () => start(15),
  held: () => held(3),
  release: () => release(5),
  models: () => models(15),
  gateways: () => gateways(5),
};

const wanted = Deno.args.length > 0 ? Deno.args : Object.keys(SECTIONS);
const unknown = wanted.find((name) => !(name in SECTIONS));
if (unknown !== undefined) {
  console.error(`There is no section '${unknown}'; there are ${Object.keys(SECTIONS).join(", ")}`);
  Deno.exit(2);
}
for (const name of wanted) await SECTIONS[name]!();
