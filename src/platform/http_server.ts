/**
 * An HTTP/1.1 server as a dependency: a handler in, an address and two ways to stop out. On bare TCP: `Deno.serve` (2.8.3
 * to 2.9.6) does not tell of a client that leaves before its answer begins, once its request was longer than about 500
 * bytes, nor can it break an answer; `node:http` takes three times the processor time.
 */
import { Connection } from "./http_connection.ts";
import type { Handler } from "./http_messages.ts";
import { ServedConnection, type ServerLimits, type ServerState } from "./http_served.ts";

export interface HttpServer {
  /** Where it listens; the port is the real one also if 0 was asked for. */
  readonly hostname: string;
  readonly port: number;
  /**
   * Takes no more connections, closes idle ones, a second later also those that have not asked for anything, and resolves
   * when the last response and WebSocket have ended.
   */
  shutdown(): Promise<void>;
  /** The same, but ends every WebSocket (1001) and breaks every connection. */
  destroy(): Promise<void>;
}

/** Rejects if the address cannot be listened on. */
export type Listen = (
  address: { readonly hostname: string; readonly port: number },
  handler: Handler,
  limits?: ServerLimits,
) => Promise<HttpServer>;

const LIMITS: ServerLimits = {
  headMs: 60_000,
  // Longer than a balancer keeps its own side open: GCP's, the longest, 600 s, AWS's 60 s, nginx 60 s.
  idleMs: 620_000,
  lingerMs: 30_000,
};
/** Limits are looked after so often, or as often as the shortest asks for. */
const LOOK_MS = 5_000;
/** How long the peer of a WebSocket has to say goodbye. */
export const GOODBYE_MS = 1_000;
/** A request that was on its way when the server began to shut down is here within this. */
const ON_ITS_WAY_MS = 1_000;
/** Without a descriptor for one more connection: those that end give theirs back. */
const ACCEPT_AGAIN_MS = 50;
const GOING_AWAY = 1001;

export const systemListen: Listen = async (address, handler, limits = LIMITS) =>
  await Promise.resolve(new Listener(Deno.listen({ ...address }), handler, limits));

class Listener implements HttpServer, ServerState {
  readonly hostname: string;
  readonly port: number;
  isClosing = false;
  readonly #connections = new Set<ServedConnection>();
  readonly #ended = Promise.withResolvers<void>();
  readonly #look: ReturnType<typeof setInterval>;
  /** Nobody who has not asked yet is waited for any more. */
  #isLate = false;
  #lateTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly listener: Deno.TcpListener,
    readonly handler: Handler,
    readonly limits: ServerLimits,
  ) {
    const { hostname, port } = listener.addr;
    this.hostname = hostname;
    this.port = port;
    this.#look = setInterval(
      () => this.#closeLate(),
      Math.min(LOOK_MS, limits.headMs / 2, limits.idleMs / 2),
    );
    Deno.unrefTimer(this.#look);
    void this.#accept();
  }

  async #accept(): Promise<void> {
    while (!this.isClosing) {
      try {
        this.#serve(await this.listener.accept());
      } catch {
        if (this.isClosing) return;
        await new Promise((resolve) => setTimeout(resolve, ACCEPT_AGAIN_MS));
      }
    }
  }

  #serve(socket: Deno.TcpConn): void {
    const { hostname } = socket.remoteAddr as Deno.NetAddr;
    const served = new ServedConnection(new Connection(socket), hostname, this);
    this.#connections.add(served);
    void served.ended.then(() => {
      this.#connections.delete(served);
      this.#end();
    });
  }

  shutdown(): Promise<void> {
    if (!this.isClosing) {
      this.isClosing = true;
      this.listener.close();
      clearInterval(this.#look);
      this.#lateTimer = setTimeout(() => {
        this.#isLate = true;
        this.quiet();
      }, ON_ITS_WAY_MS);
      this.quiet();
      this.#end();
    }
    return this.#ended.promise;
  }

  async destroy(): Promise<void> {
    const ended = this.shutdown();
    for (const { socket } of this.#connections) socket?.close(GOING_AWAY);
    for (const served of this.#connections) if (!served.socket) served.close();
    const timer = setTimeout(() => {
      for (const { socket } of this.#connections) socket?.terminate();
    }, GOODBYE_MS);
    await ended;
    clearTimeout(timer);
  }

  /** Closes what nobody waits for an answer on; called again when an answer ends. */
  quiet(): void {
    if (!this.isClosing) return;
    for (const served of this.#connections) {
      if (served.isIdle || this.#isLate && !served.isBusy) served.close();
    }
  }

  #closeLate(): void {
    const nowMs = performance.now();
    for (const served of this.#connections) served.closeIfLate(nowMs);
  }

  #end(): void {
    if (!this.isClosing || this.#connections.size > 0) return;
    clearTimeout(this.#lateTimer);
    this.#ended.resolve();
  }
}
