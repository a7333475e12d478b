/**
 * The gateway and what stands beside it, each a process on the same core in front of the same upstream: `direct` is
 * nothing in between, `bare-parse` and `bare-scan` are what the platform costs, the others are what people would use.
 */
import { systemTcp } from "../../src/platform/tcp.ts";
import { eventually } from "../../src/testing/eventually.ts";
import { GatewayProcess } from "../../src/testing/gateway_process.ts";
import { imageCommand } from "../image_root.ts";
import { type Bodies, MODEL } from "./bodies.ts";
import { versionOf } from "./installed.ts";
import { listens } from "./listens.ts";
import { type Other, OTHERS } from "./others.ts";
import { type Load, ON_SIDE_CORE, type Peer } from "./peer.ts";
import { familySum, machineMs, peakMiB, processorMs, residentMiB } from "./processor_time.ts";
import { GATEWAY } from "./ratios.ts";
import { ship } from "./shipped.ts";

const BARE_PROXY = new URL("bare_proxy.ts", import.meta.url).pathname;

export class Side {
  /** `pid` undefined: there is no process. */
  constructor(readonly name: string, readonly origin: string, readonly pid: number | undefined) {}

  get url(): string {
    return `${this.origin}/v1/chat/completions`;
  }

  /** What `run` found, and the processor time of all of its processes meanwhile. @throws with its name */
  async measure(run: () => Promise<Load>): Promise<Measured> {
    const startMs = performance.now(), beforeMs = this.#sum(processorMs), allBeforeMs = machineMs();
    try {
      const load = await run();
      const ownMs = this.#sum(processorMs) - beforeMs;
      const othersMs = machineMs() - allBeforeMs - ownMs - load.processorMs;
      const othersShare = Math.max(0, othersMs) / (performance.now() - startMs);
      return { load, processorMs: ownMs, othersShare };
    } catch (error) {
      throw new Error(`${this.name}: ${(error as Error).message}`);
    }
  }

  get residentMiB(): number {
    return this.#sum(residentMiB);
  }

  get peakMiB(): number {
    return this.#sum(peakMiB);
  }

  #sum(of: (pid: number) => number): number {
    return this.pid === undefined ? 0 : familySum(this.pid, of);
  }
}

export interface Measured {
  readonly load: Load;
  readonly processorMs: number;
  /** What processes that have nothing to do with it took, of one core. */
  readonly othersShare: number;
}

/** All that a comparison needs. */
export interface Comparison {
  readonly peer: Peer;
  readonly starters: readonly Starter[];
  readonly bodies: Bodies;
}

/** How to start each, again and again; and what it is. */
export interface Starter {
  readonly name: string;
  readonly version: string;
  start(stack: AsyncDisposableStack): Promise<Side>;
}

/** Of all that is there; of what is not, it is told why. What they need goes with `stack`. */
export async function findSides(peer: Peer, stack: AsyncDisposableStack): Promise<Starter[]> {
  const direct: Starter = {
    ...{ name: "direct", version: "" },
    start: () => Promise.resolve(new Side("direct", peer.url, undefined)),
  };
  const all = [direct, await gateway(peer, stack), await bare(peer, "parse")];
  all.push(await bare(peer, "scan"));
  for (const other of OTHERS) {
    const found = await other.find();
    if ("reason" in found) console.log(`${other.name}: skipped, ${found.reason}`);
    else all.push(await another(peer, other, found.path));
  }
  return all;
}

async function gateway(peer: Peer, stack: AsyncDisposableStack): Promise<Starter> {
  const shipped = stack.use(await ship({ isFree: false }));
  const model = `  ${MODEL}: { external: true, upstream: "${peer.url}" }\n`;
  return {
    ...{ name: GATEWAY, version: "" },
    async start(stack) {
      const gateway = stack.use(
        await GatewayProcess.start(model, { command: shipped.command(...ON_SIDE_CORE) }),
      );
      if (gateway.url === "") throw new Error(`No gateway: ${gateway.text.join("\n")}`);
      return new Side(GATEWAY, gateway.url, gateway.pid);
    },
  };
}

/** With the flags and the environment of the gateway, as far as they are Deno's. */
async function bare(peer: Peer, mode: string): Promise<Starter> {
  const { words, env } = await imageCommand();
  const flags = words.filter((word) => /^--(v8-flags|unstable)/.test(word));
  const name = `bare-${mode}`;
  return {
    ...{ name, version: "" },
    start(stack) {
      const port = systemTcp.freePort();
      const deno = [Deno.execPath(), "run", "--no-config", "--allow-all", "--no-check", ...flags];
      const { DENO_USE_CGROUPS = "" } = env;
      return spawn(stack, {
        ...{ name, port, words: [...deno, BARE_PROXY, String(port), peer.url, mode] },
        env: { DENO_USE_CGROUPS },
      });
    },
  };
}

async function another(peer: Peer, other: Other, path: string): Promise<Starter> {
  return {
    ...{ name: other.name, version: await versionOf(path, other.versionArgs) },
    async start(stack) {
      const dir = await Deno.makeTempDir({ prefix: `${other.name}-` });
      stack.defer(() => Deno.remove(dir, { recursive: true }));
      // A worker may be another user than who starts it.
      await Deno.chmod(dir, 0o755);
      const port = systemTcp.freePort();
      const file = `${dir}/config`;
      await Deno.writeTextFile(file, other.config({ dir, port, upstreamPort: peer.port }));
      const words = [path, ...other.args(file)];
      return await spawn(stack, {
        ...{ name: other.name, port, words },
        env: { ...other.env, HOME: dir, XDG_DATA_HOME: dir, XDG_CONFIG_HOME: dir },
      });
    },
  };
}

interface Spawned {
  readonly name: string;
  readonly port: number;
  readonly words: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** Resolves once it listens. What it says is shown only if it does not. */
async function spawn(
  stack: AsyncDisposableStack,
  { name, port, words, env }: Spawned,
): Promise<Side> {
  const [program, ...args] = [...ON_SIDE_CORE, ...words];
  const log = await Deno.makeTempFile({ prefix: `${name}-` });
  stack.defer(() => Deno.remove(log));
  const child = new Deno.Command("sh", {
    args: ["-c", 'exec "$@" 2>"$0"', log, program!, ...args],
    ...{ env: { ...env }, stdin: "null", stdout: "null" },
  }).spawn();
  let ended = false;
  const status = child.status.then(() => ended = true);
  stack.defer(async () => {
    if (!ended) child.kill();
    await status;
  });
  await eventually(async () => ended || await listens(port));
  if (ended) throw new Error(`${name} has ended: ${await Deno.readTextFile(log)}`);
  return new Side(name, `http://127.0.0.1:${port}`, child.pid);
}
