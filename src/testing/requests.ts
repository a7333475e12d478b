/** What the tests of `gateway/` need around one request: settings, and a context that can be completed. */
import type { ModelSpec, ServerSpec } from "../config/spec.ts";
import type { RequestContext } from "../gateway/layers.ts";

export function serverSpec(over: Partial<ServerSpec> = {}): ServerSpec {
  return {
    listen: { hostname: "127.0.0.1", port: 0 },
    operator: false,
    drainTimeoutMs: 60_000,
    shutdownDelayMs: 0,
    bodyMax: 1 << 20,
    bodyTimeoutMs: 30_000,
    bufferedMax: 8 << 20,
    cors: true,
    trustedProxies: [],
    keys: [],
    logLevel: "info",
    logFormat: "json",
    ...over,
  };
}

export function modelSpec(name: string, over: Partial<ModelSpec> = {}): ModelSpec {
  return {
    name,
    aliases: [],
    adapters: [],
    scale: { kind: "external" },
    idleTimeoutMs: Infinity,
    coldStartTimeoutMs: 600_000,
    unschedulableGraceMs: 120_000,
    retryAfterMaxMs: 300_000,
    pendingMax: 512,
    inFlightMax: 0,
    pendingTimeoutMs: 60_000,
    responseTimeoutMs: 600_000,
    earlyHeadersAfterMs: 10_000,
    keepAliveIntervalMs: 10_000,
    keepAliveJson: false,
    connectTimeoutMs: 2_000,
    enabled: true,
    engine: { name: "vllm", healthPath: "/health" },
    ...over,
  };
}

export interface TestContext extends RequestContext {
  /** Gives back what the request kept, as the server does when the response is complete. */
  complete(): void;
  readonly kept: number;
}

export function requestContext(path = "/v1/chat/completions"): TestContext {
  const url = new URL(path, "http://gateway.test");
  const kept: Disposable[] = [];
  return {
    info: {
      ...{ remoteAddr: "127.0.0.1", completed: Promise.resolve() },
      upgrade: () => {
        throw new Error("it does not ask for a WebSocket");
      },
    },
    url,
    path: url.pathname,
    arrivedMs: 0,
    id: "req-1",
    trace: undefined,
    key: undefined,
    model: "",
    code: undefined,
    coldStartMs: undefined,
    last() {},
    keep: (thing) => void kept.push(thing),
    complete: () => kept.splice(0).forEach((thing) => thing[Symbol.dispose]()),
    get kept() {
      return kept.length;
    },
  };
}
