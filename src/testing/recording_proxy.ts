/** Between a gateway and the API server of the tests: hands everything on, and keeps what was asked and how it ended. */
import { stringify } from "yaml";
import { createFetch } from "../platform/fetch.ts";
import { readTestCluster } from "./service_account.ts";

export interface Recorded {
  /** As a Role has it, e.g. `patch deployments/scale.apps`; `` for what is no resource of a namespace. */
  readonly right: string;
  readonly path: string;
  readonly status: number;
}

export class RecordingProxy implements AsyncDisposable {
  readonly calls: Recorded[] = [];
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
      async (request) => {
        const { pathname, search } = new URL(request.url);
        const { method, headers, signal } = request;
        const body = method === "GET" ? undefined : await request.text();
        let response: Response;
        try {
          response = await upstream(server + pathname + search, {
            ...{ method, headers, signal },
            ...(body === undefined ? {} : { body }),
          });
        } catch {
          // Whoever asked has gone.
          return new Response("", { status: 502 });
        }
        const right = rightOf(method, pathname, search);
        proxy.calls.push({ right, path: pathname + search, status: response.status });
        return response;
      },
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

  /** Its path. */
  get kubeconfig(): string {
    return `${this.#dir}/config`;
  }

  /** What was used, each once. */
  get used(): Set<string> {
    return new Set(this.calls.map(({ right }) => right));
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
