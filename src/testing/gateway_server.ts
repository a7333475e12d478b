/** The gateway on a real socket, in front of upstreams of the test's own, with gates the test moves. */
import type { ModelSpec, RouteSpec, ServerSpec } from "../config/spec.ts";
import { createGateway, type Gateway } from "../gateway/gateway.ts";
import { createRouteTable } from "../gateway/routes.ts";
import type { Snapshot } from "../gateway/snapshot.ts";
import { type Clock, systemClock } from "../platform/clock.ts";
import { createFetch } from "../platform/fetch.ts";
import { createSendRequest } from "../platform/http_client.ts";
import { type HttpServer, systemListen } from "../platform/http_server.ts";
import { createConnectWebSocket } from "../platform/web_socket.ts";
import { systemRandom } from "../platform/random.ts";
import { systemTcp } from "../platform/tcp.ts";
import { silentLog } from "../telemetry/log.ts";
import type { RequestRecord } from "../telemetry/request_record.ts";
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
  #http!: HttpServer;
  readonly records: RequestRecord[] = [];
  readonly admissions: ReadonlyMap<string, FakeAdmission>;
  /** Replace it for a reload. */
  snapshot: Snapshot;

  /** Started by `start`. */
  private constructor(options: GatewayServerOptions) {
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
    const sendRequest = createSendRequest(createFetch());
    const connectWebSocket = createConnectWebSocket();
    this.gateway = createGateway({
      config: () => this.snapshot,
      sendRequest: () => sendRequest,
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
  }

  static async start(options: GatewayServerOptions = {}): Promise<GatewayServer> {
    const server = new GatewayServer(options);
    const address = { hostname: "127.0.0.1", port: 0 };
    server.#http = await systemListen(address, server.gateway.handle);
    return server;
  }

  get port(): number {
    return this.#http.port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
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
    await this.#http.destroy();
  }
}

/** An upstream of the test's own. */
export class Upstream implements AsyncDisposable {
  readonly url: string;
  readonly #breaking = new AbortController();
  readonly #http: Deno.HttpServer;
  /** Requests whose connection broke before their answer was complete. */
  aborted = 0;
  requests = 0;

  constructor(answer: (request: Request) => Response | Promise<Response>) {
    const { signal } = this.#breaking;
    const server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, signal, onListen() {} },
      (request) => {
        this.requests++;
        request.signal.addEventListener("abort", () => this.aborted++);
        return answer(request);
      },
    );
    this.#http = server;
    this.url = `http://127.0.0.1:${server.addr.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#breaking.abort();
    await this.#http.finished;
  }
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
