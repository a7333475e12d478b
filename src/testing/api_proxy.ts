/**
 * Between a gateway and its API server: plain HTTP on this side, the tests' own rights on the other. It
 * keeps what was asked and when, and lets a test step in at each write.
 */
import type { ClusterAccess } from "../targets/kubernetes/cluster_access.ts";

export interface ApiCall {
  readonly method: string;
  readonly path: string;
  readonly isWatch: boolean;
  /** When it came, in ms since the epoch; when its answer's head went back, and with what. */
  readonly cameMs: number;
  answeredMs?: number;
  status?: number;
}

/** `before`: it came; false drops it, unanswered. `after`: it was done, and is not answered yet. */
export type StepIn = (call: ApiCall, when: "before" | "after") => Promise<boolean> | boolean;

export class ApiProxy implements AsyncDisposable {
  readonly calls: ApiCall[] = [];
  onWrite: StepIn = () => true;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #end = new AbortController();

  private constructor(readonly access: ClusterAccess, readonly kubeconfig: string) {
    this.#server = Deno.serve(
      {
        ...{ hostname: "127.0.0.1", port: 0, onListen() {}, signal: this.#end.signal },
        // Whoever asked has left.
        onError: () => new Response(null, { status: 502 }),
      },
      (request) => this.#pass(request),
    );
  }

  static async start(access: ClusterAccess): Promise<ApiProxy> {
    const kubeconfig = await Deno.makeTempFile({ suffix: ".kubeconfig" });
    const proxy = new ApiProxy(access, kubeconfig);
    await Deno.writeTextFile(kubeconfig, kubeconfigOf(proxy.#server.addr.port));
    return proxy;
  }

  /** What was changed, by what was written to what: `PATCH deployments/scale`. */
  get writes(): string[] {
    const done = this.calls.filter(({ method, status = 0 }) => method !== "GET" && status < 300);
    return done.map(({ method, path }) => {
      const [plural, , subresource] = path.split("?")[0]!.split("/").slice(6);
      return `${method} ${plural}/${subresource}`;
    });
  }

  async #pass(request: Request): Promise<Response> {
    const { pathname, search } = new URL(request.url);
    const path = pathname + search;
    const { method } = request;
    const isWatch = search.includes("watch=1");
    const call: ApiCall = { method, path, isWatch, cameMs: epochMs() };
    this.calls.push(call);
    const body = method === "GET" ? {} : { body: await request.bytes() };
    if (method !== "GET" && !await this.onWrite(call, "before")) return new Promise(() => {});
    const headers = new Headers(request.headers);
    headers.delete("host");
    const authorization = await this.access.authorization();
    if (authorization) headers.set("authorization", authorization);
    const response = await this.access.fetch(this.access.server + path, {
      ...{ method, headers, signal: request.signal },
      ...body,
    });
    call.status = response.status;
    if (method !== "GET" && !await this.onWrite(call, "after")) return new Promise(() => {});
    call.answeredMs = epochMs();
    return new Response(response.body, response);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    await this.#server.finished;
    await Deno.remove(this.kubeconfig);
  }
}

function epochMs(): number {
  return performance.timeOrigin + performance.now();
}

function kubeconfigOf(port: number): string {
  return `apiVersion: v1
kind: Config
current-context: proxy
clusters: [{ name: proxy, cluster: { server: "http://127.0.0.1:${port}", insecure-skip-tls-verify: true } }]
users: [{ name: nobody, user: {} }]
contexts: [{ name: proxy, context: { cluster: proxy, user: nobody } }]
`;
}
