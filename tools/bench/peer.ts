/**
 * The two ends of a measurement: the upstream and the load, a Go program (`peer/`) that shares one core, while what is
 * measured has another to itself.
 */
import { systemTcp } from "../../src/platform/tcp.ts";
import { eventually } from "../../src/testing/eventually.ts";
import { isInstalled, versionOf } from "./installed.ts";
import { listens } from "./listens.ts";
import { processorMs } from "./processor_time.ts";

const PEER_CORE = 1;
const SIDE_CORE = 0;
const SOURCE = new URL("peer", import.meta.url).pathname;

/** What a load found. */
export interface Load {
  /** Answers, or events. */
  readonly count: number;
  readonly failed: number;
  /** Why the first one failed. */
  readonly reason: string;
  readonly seconds: number;
  /** Of the load and of the upstream. */
  readonly processorMs: number;
  readonly latencyMs: Readonly<Record<"p50" | "p95" | "p99" | "max", number>>;
}

/** In front of a command: it runs on the core of what is measured. */
export const ON_SIDE_CORE: readonly string[] = ["taskset", "-c", `${SIDE_CORE}`];

export class Peer implements AsyncDisposable {
  /** Its path. */
  readonly program: string;
  #upstream!: Deno.ChildProcess;

  /** `go` is the version that builds it. */
  private constructor(readonly dir: string, readonly port: number, readonly go: string) {
    this.program = `${dir}/peer`;
  }

  /** Builds it, and starts the upstream; or why it cannot. */
  static async start(): Promise<Peer | { readonly reason: string }> {
    if (navigator.hardwareConcurrency < 2) return { reason: "it needs two cores" };
    for (const program of ["taskset", "go"]) {
      if (!await isInstalled(program)) return { reason: `there is no ${program}` };
    }
    const dir = await Deno.makeTempDir({ prefix: "peer-" });
    await using undo = new AsyncDisposableStack();
    undo.defer(() => Deno.remove(dir, { recursive: true }));
    const peer = new Peer(dir, systemTcp.freePort(), await versionOf("go", ["version"]));
    const { success } = await new Deno.Command("go", {
      ...{ args: ["build", "-o", peer.program, "."], cwd: SOURCE, stdin: "null" },
    }).spawn().status;
    if (!success) return { reason: "Go cannot build it" };
    peer.#upstream = peer.#command(["upstream", `${peer.port}`]).spawn();
    await eventually(() => listens(peer.port));
    undo.move();
    return peer;
  }

  /** Of the upstream. */
  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /**
   * As many requests as go over so many connections, for `forMs` (0: one each), with a pause after each answer.
   * @throws if any failed
   */
  load(
    url: string,
    bodyFile: string,
    { connections = 1, forMs = 0, pauseUs = 0 },
  ): Promise<Load> {
    return this.#run(["load", url, bodyFile, ...[connections, forMs, pauseUs].map(String)]);
  }

  /** So many event streams at once. @throws if any failed, or an event was lost */
  streams(
    url: string,
    bodyFile: string,
    { streams, events, intervalMs }: Readonly<Record<"streams" | "events" | "intervalMs", number>>,
  ): Promise<Load> {
    const numbers = [streams, events, intervalMs * 1000];
    return this.#run(["streams", url, bodyFile, ...numbers.map(String)]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#upstream.kill();
    await this.#upstream.status;
    await Deno.remove(this.dir, { recursive: true });
  }

  #command(args: readonly string[]): Deno.Command {
    return new Deno.Command("taskset", {
      args: ["-c", `${PEER_CORE}`, this.program, ...args],
      env: { GOMAXPROCS: "1" },
      ...{ stdin: "null", stdout: args[0] === "upstream" ? "null" : "piped" },
    });
  }

  async #run(args: readonly string[]): Promise<Load> {
    const beforeMs = processorMs(this.#upstream.pid);
    const { success, stdout, stderr } = await this.#command(args).output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    if (!success) throw new Error(`The load ended badly: ${text(stderr)}`);
    const load: Load = JSON.parse(text(stdout));
    if (load.failed > 0) {
      throw new Error(
        `${load.failed} of ${load.failed + load.count} failed, the first: ${load.reason}`,
      );
    }
    const upstreamMs = processorMs(this.#upstream.pid) - beforeMs;
    return { ...load, processorMs: load.processorMs + upstreamMs };
  }
}
