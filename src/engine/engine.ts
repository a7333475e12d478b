/**
 * The life of a stand-in engine: loading, serving, draining, gone; with vLLM's way of taking
 * SIGTERM. What it answers is the router's matter, how fast the scheduler's.
 */
import type { Clock } from "../platform/clock.ts";
import type { ListenNode, NodeHandler, NodeServer } from "../platform/node_server.ts";
import type { Random } from "../platform/random.ts";
import type { Core } from "./core.ts";
import { createMetrics, type Metrics } from "./metrics.ts";
import type { Behaviour, EngineOptions } from "./options.ts";
import { type RecordedRequest, recordRequest, toCall } from "./recording.ts";
import { createRouter, type Router, type Stage } from "./router.ts";
import { Scheduler } from "./scheduler.ts";

/** How long the server outlives a dead engine process. */
const WATCHDOG_MS = 5_000;

/** How long aborted answers are given to reach their clients. */
const FLUSH_MS = 1_000;

export interface EngineWorld {
  readonly clock: Clock;
  readonly random: Random;
  readonly listen: ListenNode;
  /** A line for the operator. */
  say(line: string): void;
  /** Every request, as it arrives. */
  onRequest?(request: RecordedRequest): void;
}

export class Engine {
  /** May be changed at any time. */
  readonly behaviour: Behaviour;
  readonly metrics: Readonly<Metrics>;
  /** The exit code, once the port is closed. */
  readonly exited: Promise<number>;
  readonly #options: EngineOptions;
  readonly #world: EngineWorld;
  readonly #core: Core;
  readonly #route: Router;
  readonly #exit = Promise.withResolvers<number>();
  readonly #timers = new DisposableStack();
  readonly #open = new Set<Promise<unknown>>();
  #stage: Stage | "new" | "stopping" | "gone" = "new";
  #server: NodeServer | undefined;

  constructor(options: EngineOptions, world: EngineWorld) {
    const { clock, random } = world;
    const behaviour = { ...options };
    const metrics = createMetrics();
    this.behaviour = behaviour;
    this.metrics = metrics;
    this.exited = this.#exit.promise;
    this.#options = options;
    this.#world = world;
    this.#route = createRouter(options);
    this.#core = {
      clock,
      random,
      behaviour,
      models: options.models,
      metrics,
      scheduler: new Scheduler({ clock, metrics, behaviour }),
      startedS: clock.wallMs() / 1000,
      die: () => this.exit(1),
    };
  }

  /** Where it listens; empty until it does. */
  get url(): string {
    const { hostname } = this.#options;
    const host = hostname.includes(":") ? `[${hostname}]` : hostname;
    return this.#server ? `http://${host}:${this.#server.port}` : "";
  }

  /** What the server calls for every request. */
  readonly handle: NodeHandler = async (request) => {
    this.#open.add(request.outcome);
    void request.outcome.then(() => this.#open.delete(request.outcome));
    const record = recordRequest(request, this.#world.clock);
    this.#world.onRequest?.(record);
    record.body = await request.body();
    if (this.behaviour.hang === "all") return await new Promise(() => {});
    const stage = this.#stage === "loading" || this.#stage === "draining" ? this.#stage : "serving";
    return await this.#route(this.#core, toCall(request, record.body), stage);
  };

  /** Loads and listens; resolves when ready or gone. @throws if the address cannot be had */
  async start(): Promise<void> {
    const { listenWhileLoading, coldStartMs, crashAtStart, crashAfterMs, models } = this.#options;
    this.#stage = "loading";
    if (listenWhileLoading) await this.#listen();
    if (coldStartMs > 0) await this.#pause(coldStartMs);
    if (this.#isGone) return;
    if (crashAtStart) {
      return this.#crash(crashAtStart, "torch.OutOfMemoryError: CUDA out of memory");
    }
    if (!listenWhileLoading) await this.#listen();
    if (this.#isGone) return;
    this.#stage = "serving";
    this.#world.say(`${models.join(", ")} at ${this.url}`);
    this.#timers.use(
      this.#world.clock.timer(
        crashAfterMs,
        () => this.#crash(1, "CUDA error: an illegal memory access was encountered"),
      ),
    );
  }

  /** What SIGTERM does. */
  terminate() {
    const { swallowSigterm, shutdownTimeoutMs } = this.#options;
    if (this.#stage === "loading" && swallowSigterm) return;
    if (this.#stage === "serving" && shutdownTimeoutMs > 0) {
      this.#stage = "draining";
      const { scheduler } = this.#core;
      void Promise.race([scheduler.drained(), this.#pause(shutdownTimeoutMs)])
        .then(() => this.#stop());
    } else {
      void this.#stop();
    }
  }

  /** What Ctrl-C does: nobody at a terminal should have to ask twice. */
  interrupt() {
    if (this.#stage === "loading") this.exit(130);
    else this.terminate();
  }

  /** Gone at once, every connection broken: a crash, or SIGKILL. */
  exit(code: number) {
    if (this.#isGone) return;
    this.#stage = "gone";
    this.#timers.dispose();
    const closed = this.#server?.close() ?? Promise.resolve();
    void closed.then(() => this.#exit.resolve(code));
  }

  /** The engine process behind the server dies: all fails, `/health` is 503, then the server exits. */
  killCore() {
    this.#core.scheduler.kill();
    this.#timers.use(this.#world.clock.timer(WATCHDOG_MS, () => this.exit(1)));
  }

  get #isGone(): boolean {
    return this.#stage === "gone";
  }

  async #listen() {
    const { hostname, port, idleTimeoutMs } = this.#options;
    const server = await this.#world.listen({ hostname, port, idleTimeoutMs }, this.handle);
    if (this.#isGone) return await server.close();
    this.#server = server;
  }

  #crash(code: number, lastWords: string) {
    this.#world.say(lastWords);
    this.exit(code);
  }

  /** Aborts what runs, lets it reach its clients, and exits. */
  async #stop() {
    if (this.#stage === "stopping" || this.#isGone) return;
    this.#stage = "stopping";
    this.#core.scheduler.abortAll();
    this.#server?.refuse();
    await Promise.race([Promise.all(this.#open), this.#pause(FLUSH_MS)]);
    this.exit(0);
  }

  /** Cut short when the engine goes. */
  #pause(delayMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#timers.use(this.#world.clock.timer(delayMs, resolve));
    this.#timers.defer(resolve);
    return promise;
  }
}
