/**
 * Between a gateway and the API server of the tests: hands everything on, and keeps what was asked, when and
 * how it ended; a test may step in at each write.
 */
import { stringify } from "yaml";
import { createFetch, type Fetch } from "../platform/fetch.ts";
import { readTestCluster } from "./service_account.ts";

export interface Recorded {
  /** As a Role has it, e.g. `patch deployments/scale.apps`; `` for what is no resource of a namespace. */
  readonly right: string;
  readonly path: string;
  /** When it came, in ms since the epoch. */
  readonly cameMs: number;
  /** 0 until it is answered. */
  status: number;
}

/** `before`: it came. `after`: it was done, and is not answered yet. False: it goes no further. */
export type StepIn = (call: Recorded, when: "before" | "after") => Promise<boolean>;

export class RecordingProxy implements AsyncDisposable {
  readonly calls: Recorded[] = [];
  onWrite: StepIn = () => Promise.resolve(true);
  #server!: Deno.HttpServer<Deno.NetAddr>;
  #dir!: string;

  private constructor() {}

  /** `token`: of whoever comes through `kubeconfig`. */
  static async start(token: string): Promise<RecordingProxy> {
    const { server, ca } = await readTestCluster();
    const upstream = createFetch({ caCerts: [ca] });
    const proxy = new RecordingProxy();
    proxy.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      (request) =>
        proxy.#pass(request, (path, init) => upstream(server + path, init))
          // Whoever asked has gone.
          .catch(() => new Response("", { status: 502 })),
    );
    proxy.#dir = await Deno.makeTempDir({ prefix: "proxy-" });
    await Deno.writeTextFile(
      proxy.kubeconfig,
      stringify({
        ...{ apiVersion: "v1", kind: "Config", "current-context": "a" },
        clusters: [{
          name: "a",
          cluster: { server: `http://127.0.0.1:${proxy.#server.addr.port}` },
        }],
        users: [{ name: "a", user: { token } }],
        contexts: [{ name: "a", context: { cluster: "a", user: "a" } }],
      }),
    );
    return proxy;
  }

  async #pass(request: Request, upstream: Fetch): Promise<Response> {
    const { pathname, search } = new URL(request.url);
    const path = pathname + search;
    const { method, headers, signal } = request;
    const call = { right: rightOf(method, pathname, search), path, cameMs: epochMs(), status: 0 };
    this.calls.push(call);
    if (method === "GET") {
      const response = await upstream(path, { method, headers, signal });
      call.status = response.status;
      return response;
    }
    const body = await request.text();
    if (!await this.onWrite(call, "before")) throw new Error("stopped before it was done");
    // What has come is done, whatever becomes of whoever asked.
    const response = await upstream(path, { method, headers, body });
    call.status = response.status;
    if (!await this.onWrite(call, "after")) throw new Error("stopped before it was answered");
    return response;
  }

  /** Its path. */
  get kubeconfig(): string {
    return `${this.#dir}/config`;
  }

  /** What was used, each once. */
  get used(): Set<string> {
    return new Set(this.calls.map(({ right }) => right));
  }

  /** What was changed, in order. */
  get writes(): string[] {
    return this.calls.filter(({ status }) => status >= 200 && status < 300)
      .map(({ right }) => right).filter((right) => /^(create|patch|delete) /.test(right));
  }

  /** What was answered with 403, each once. */
  get refused(): Set<string> {
    return new Set(this.calls.filter(({ status }) => status === 403).map(({ right }) => right));
  }

  /** Nobody listens any more; who asks is refused. */
  stop(): Promise<void> {
    return this.#server.shutdown();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await Deno.remove(this.#dir, { recursive: true });
  }
}

/** The clock of all processes of this machine. */
export function epochMs(): number {
  return performance.timeOrigin + performance.now();
}

/** Which right a request needs, as the API server sees it. */
function rightOf(method: string, path: string, search: string): string {
  const [, group, plural, name, subresource] =
    /^\/api(?:s\/([^/]+))?\/[^/]+\/namespaces\/[^/]+\/([^/]+)(?:\/([^/]+))?(?:\/([^/]+))?$/
      .exec(path) ?? [];
  if (plural === undefined) return "";
  const verbs: Record<string, string> = { POST: "create", PATCH: "patch", DELETE: "delete" };
  const read = name !== undefined ? "get" : /[?&]watch=1/.test(search) ? "watch" : "list";
  const resource = subresource ? `${plural}/${subresource}` : plural;
  return `${verbs[method] ?? read} ${resource}${group ? `.${group}` : ""}`;
}
