/** Several gateways' memberships on one fake API server, in virtual time; each can be cut off from it. */
import { KubernetesApi } from "../targets/kubernetes/api.ts";
import { Membership } from "../targets/kubernetes/membership.ts";
import { createLog } from "../telemetry/log.ts";
import { type ApiCall, FakeApiServer, type Json } from "./fake_api_server.ts";
import { SeededRandom } from "./seeded_random.ts";
import { VirtualClock } from "./virtual_clock.ts";

const LEASES = "/apis/coordination.k8s.io/v1/namespaces/ai/leases";

export interface Gateway {
  readonly membership: Membership;
  readonly lines: string[];
  /** Its calls that change something, e.g. `PATCH`. */
  readonly writes: ApiCall[];
  readonly lists: ApiCall[];
  /** How often it has lost its Lease. */
  losses: number;
  /** How often it was told that it may not be fenced any more. */
  unfenced: number;
  /** How often others were news. */
  news: number;
  /** It reaches nobody, its open watches included. */
  isCut: boolean;
  /** The process is gone: it does nothing more, and its Lease stays. */
  kill(): void;
}

export class Gateways {
  readonly clock = new VirtualClock();
  readonly server = new FakeApiServer();
  #made = 0;

  /** One more process; `identity` may be that of one before. */
  add(identity: string): Gateway {
    const { clock, server } = this;
    const random = new SeededRandom(++this.#made);
    const cuts = new Set<AbortController>();
    let isDead = false;
    let isCut = false;
    const gateway: Gateway = {
      ...{ lines: [], writes: [], lists: [], losses: 0, news: 0, unfenced: 0 },
      membership: undefined as unknown as Membership,
      get isCut() {
        return isCut;
      },
      set isCut(value) {
        isCut = value;
        if (value) { for (const cut of cuts) cut.abort(new TypeError("connection reset")); }
      },
      kill() {
        isDead = gateway.isCut = true;
      },
    };
    const api = new KubernetesApi({
      access: {
        ...{ server: "https://api", namespace: "ai", origin: "test" },
        authorization: () => Promise.resolve(undefined),
        fetch: async (input, init = {}) => {
          if (isDead) return await new Promise<Response>(() => {});
          if (isCut) throw new TypeError("no route to host");
          const cut = new AbortController();
          cuts.add(cut);
          init.signal?.addEventListener("abort", () => cut.abort(init.signal!.reason));
          const answer = server.fetch(input, { ...init, signal: cut.signal });
          const call = server.calls.at(-1)!;
          if (call.method !== "GET") gateway.writes.push(call);
          else if (!call.query.get("watch")) gateway.lists.push(call);
          return await answer;
        },
      },
      ...{ clock, random },
    });
    const write = (line: string) => void gateway.lines.push(line);
    const membership = new Membership({
      ...{ api, clock, random, namespace: "ai", identity },
      log: createLog({ level: "info", format: "text", clock, write }),
    });
    membership.listen({
      changed: () => gateway.news++,
      lapsed: () => gateway.losses++,
      unfenced: () => gateway.unfenced++,
    });
    // Each may send requests to the workload `m`.
    membership.serving("m", new AbortController().signal).catch(() => {});
    return Object.assign(gateway, { membership });
  }

  /** Two or more that have joined. */
  async joined(...identities: string[]): Promise<Gateway[]> {
    const all = identities.map((identity) => this.add(identity));
    for (const { membership } of all) membership.start();
    await this.pass(10);
    return all;
  }

  /** Time goes by, in steps: streams take many turns. */
  async pass(ms: number): Promise<void> {
    const stepMs = Math.min(500, Math.max(1, ms / 10));
    for (let rest = ms; rest > 0; rest -= stepMs) await this.clock.advance(Math.min(stepMs, rest));
  }

  /** All leave, within the time that they are given. */
  async end(...all: Gateway[]): Promise<void> {
    const left = all.map(({ membership }) => membership.leave());
    await this.pass(3_000);
    await Promise.all(left);
  }

  lease(identity: string): Json {
    return this.server.get(leasePath(identity));
  }
}

/** Of the Lease of a gateway. */
export function leasePath(identity: string): string {
  return `${LEASES}/vllm-autoscaler-${identity}`;
}

/** How a promise stands: `waits`, `done`, or why it failed. */
export function standing(promise: Promise<void>): { readonly now: string } {
  const state = { now: "waits" };
  promise.then(() => state.now = "done", (error: Error) => state.now = error.message);
  return state;
}
