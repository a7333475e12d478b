/** A stand-in engine inside of this process, for tests: any free port, everything remembered. */
import { type Clock, systemClock } from "../platform/clock.ts";
import { type ListenNode, listenNode } from "../platform/node_server.ts";
import { type Random, systemRandom } from "../platform/random.ts";
import { Engine, type EngineWorld } from "./engine.ts";
import { ENGINE_DEFAULTS, type EngineOptions } from "./options.ts";
import type { RecordedRequest } from "./recording.ts";

export interface StartOptions extends Partial<EngineOptions> {
  readonly clock?: Clock;
  readonly random?: Random;
  readonly listen?: ListenNode;
}

export class StartedEngine extends Engine implements AsyncDisposable {
  /** Settles when it serves or is gone. */
  readonly ready: Promise<void>;

  constructor(
    options: EngineOptions,
    world: EngineWorld,
    /** Every request in the order of arrival, health checks and scrapes too. */
    readonly requests: readonly RecordedRequest[],
  ) {
    super(options, world);
    this.ready = this.start();
  }

  /** Breaks what is open and frees the port. */
  async stop(): Promise<void> {
    this.exit(0);
    await this.exited;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

/** An engine on 127.0.0.1 that begins to load now and answers as fast as it can, unless told otherwise. */
export function loadEngine(options: StartOptions = {}): StartedEngine {
  const { clock = systemClock, random = systemRandom, listen = listenNode, ...rest } = options;
  const requests: RecordedRequest[] = [];
  return new StartedEngine(
    { ...ENGINE_DEFAULTS, port: 0, tokensPerSecond: Infinity, ...rest },
    { clock, random, listen, say() {}, onRequest: (request) => requests.push(request) },
    requests,
  );
}

/** The same, once it is ready (or gone, with `crashAtStart`). */
export async function startEngine(options: StartOptions = {}): Promise<StartedEngine> {
  const engine = loadEngine(options);
  await engine.ready;
  return engine;
}
