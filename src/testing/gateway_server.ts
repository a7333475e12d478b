/** The gateway on a real socket, in front of upstreams of the test's own, with gates the test moves. */
import type { ModelSpec, RouteSpec, ServerSpec } from "../config/spec.ts";
import { createGateway, type Gateway, type RequestRecord } from "../gateway/gateway.ts";
import { createRouteTable } from "../gateway/routes.ts";
import type { Snapshot } from "../gateway/snapshot.ts";
import { type Clock, systemClock } from "../platform/clock.ts";
import { createFetch } from "../platform/fetch.ts";
import { type Handler, requestInfo } from "../platform/http_server.ts";
import { createConnectWebSocket } from "../platform/web_socket.ts";
import { systemRandom } from "../platform/random.ts";
import { systemTcp } from "../platform/tcp.ts";
import { silentLog } from "../telemetry/log.ts";
import { FakeAdmission } from "./fake_admission.ts";
import { modelSpec, serverSpec } from "./requests.ts";

export interface GatewayServerOptions {
  readonly models?: readonly ModelSpec[];
  readonly routes?: readonly RouteSpec[];
  readonly server?: Partial<ServerSpec>;
  readonly dropIn?: boolean;
  /** Where every model is up; none: all are asleep. */
  readonly endpoints?: readonly string[];
  readonly clock?: Clock;
}

export class GatewayServer implements AsyncDisposable {
  readonly gateway: Gateway;
  readonly #http: BreakableServer;
  readonly records: RequestRecord[] = [];
  readonly admissions: ReadonlyMap<string, FakeAdmission>;
  readonly url: string;
  readonly port: number;
  /** Replace it for a reload. */
  snapshot: Snapshot;

  constructor(options: GatewayServerOptions = {}) {
    const { models = [modelSpec("m")], routes = [], endpoints = [], dropIn = false } = options;
    const admissions = this.admissions = new Map(
      models.map(({ name }) => [name, new FakeAdmission(name, endpoints)]),
    );
    this.snapshot = {
      ...{ server: serverSpec(options.server), models, dropIn },
      routes: createRouteTable(models, routes),
      admission: (name) => admissions.get(name),
      state: (name) => admissions.get(name)?.isOpen() ? "idle" : "asleep",
    };
    const fetch = createFetch();
    const connectWebSocket = createConnectWebSocket();
    this.gateway = createGateway({
      config: () => this.snapshot,
      fetch: () => fetch,
      tcp: systemTcp,
      connectWebSocket: () => connectWebSocket,
      clock: options.clock ?? systemClock,
      random: systemRandom,
      log: silentLog,
      version: "1.2.3",
      files: { readText: () => Promise.reject(new Error("no files here")) },
      env: () => undefined,
      observe: (record) => void this.records.push(record),
    });
    this.#http = serveBreakable(this.gateway.handle);
    this.port = this.#http.port;
    this.url = `http://127.0.0.1:${this.port}`;
  }

  /** The only model's, or that of `name`. */
  admission(name = "m"): FakeAdmission {
    return this.admissions.get(name)!;
  }

  /** Resolves once nothing is held for any request: permits, bodies, records. */
  async quiet(): Promise<void> {
    await until(() =>
      this.gateway.open === 0 && this.gateway.heldBytes === 0 &&
      [...this.admissions.values()].every(({ inFlight, pending }) => inFlight + pending === 0)
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#http.abort();
  }
}

/** An upstream of the test's own. */
export class Upstream implements AsyncDisposable {
  readonly url: string;
  readonly #http: BreakableServer;
  /** Requests whose connection broke before their answer was complete. */
  aborted = 0;
  requests = 0;

  constructor(answer: (request: Request) => Response | Promise<Response>) {
    this.#http = serveBreakable((request) => {
      this.requests++;
      request.signal.addEventListener("abort", () => this.aborted++);
      return answer(request);
    });
    this.url = `http://127.0.0.1:${this.#http.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#http.abort();
  }
}

interface BreakableServer {
  readonly port: number;
  /** Breaks every connection. */
  abort(): Promise<void>;
}

function serveBreakable(handler: Handler): BreakableServer {
  const breaking = new AbortController();
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, signal: breaking.signal, onListen() {} },
    (request, info) => handler(request, requestInfo(request, info)),
  );
  return {
    port: server.addr.port,
    async abort() {
      breaking.abort();
      await server.finished;
    },
  };
}

/** Waits for `condition`, looking often; throws after 10 s. */
export async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition(); tries++) {
    if (tries > 2_000) throw new Error(`Still not so after 10 s: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export function post(url: string, body: unknown, init: RequestInit = {}): Promise<Response> {
  return fetch(url, {
    method: "POST",
    ...init,
    headers: { "content-type": "application/json", ...init.headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}
