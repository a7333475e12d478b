/**
 * A small API server in memory, behind a `fetch`: objects, resourceVersions that merge patches insist
 * on, watches that resume and expire. It knows no controllers: the test plays them.
 */
import { orAborted } from "../lib/or_aborted.ts";
import type { Fetch } from "../platform/fetch.ts";

// deno-lint-ignore no-explicit-any
export type Json = any;

const HISTORY_MAX = 2_000;

interface Change {
  readonly version: number;
  readonly list: string;
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly object: Json;
}

interface Watcher {
  readonly list: string;
  readonly matches: (object: Json) => boolean;
  send(event: unknown): void;
  end(): void;
  break(): void;
}

export interface ApiCall {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Headers;
  readonly body: Json;
}

export class FakeApiServer {
  /** Every call, in order. */
  readonly calls: ApiCall[] = [];
  /** Answers in place of the server, or throws; undefined: let it. */
  intercept: (call: ApiCall) => Response | undefined | Promise<Response> = () => undefined;
  #version = 100;
  #oldest = 0;
  readonly #objects = new Map<string, Json>();
  readonly #changes: Change[] = [];
  readonly #watchers = new Set<Watcher>();

  readonly fetch: Fetch = async (input, init = {}) => {
    const url = new URL(input);
    init.signal?.throwIfAborted();
    const call: ApiCall = {
      method: init.method ?? "GET",
      path: url.pathname,
      query: url.searchParams,
      headers: new Headers(init.headers),
      body: typeof init.body === "string" ? JSON.parse(init.body) : undefined,
    };
    this.calls.push(call);
    const answer = Promise.try(() => this.intercept(call)).then((response) =>
      response ?? this.#answer(call, init.signal ?? undefined)
    );
    return await orAborted(answer, init.signal ?? undefined);
  };

  /** How many watches are open. */
  get watching(): number {
    return this.#watchers.size;
  }

  /** Creates or replaces the object at `path`; a change of its spec is a new generation. */
  put(path: string, object: Json): Json {
    const old = this.#objects.get(path);
    const changed = JSON.stringify(old?.spec) !== JSON.stringify(object.spec);
    const name = path.slice(path.lastIndexOf("/") + 1);
    const next = {
      ...object,
      metadata: {
        uid: `uid-${this.#version}`,
        creationTimestamp: "2026-01-01T00:00:00Z",
        ...old?.metadata,
        ...object.metadata,
        name,
        generation: (old?.metadata.generation ?? 0) + (changed ? 1 : 0),
        resourceVersion: String(++this.#version),
      },
    };
    this.#objects.set(path, next);
    this.#change(path, old ? "MODIFIED" : "ADDED", next);
    return next;
  }

  get(path: string): Json {
    return this.#objects.get(path);
  }

  delete(path: string): void {
    const object = this.#objects.get(path);
    if (!object) return;
    this.#objects.delete(path);
    const metadata = { ...object.metadata, resourceVersion: String(++this.#version) };
    this.#change(path, "DELETED", { ...object, metadata });
  }

  /** Forgets the history: a watch from before is told that it has expired. */
  compact(): void {
    this.#oldest = this.#version;
  }

  bookmark(): void {
    for (const watcher of this.#watchers) {
      const metadata = { resourceVersion: String(this.#version) };
      watcher.send({ type: "BOOKMARK", object: { metadata } });
    }
  }

  /** Ends all watches: cleanly, as the server does now and then, or by a broken connection. */
  endWatches(how: "end" | "break"): void {
    for (const watcher of [...this.#watchers]) watcher[how]();
  }

  #change(path: string, type: Change["type"], object: Json): void {
    const list = path.slice(0, path.lastIndexOf("/"));
    this.#changes.push({ version: this.#version, list, type, object });
    // As much as etcd remembers: whoever was away for longer lists again.
    if (this.#changes.length > HISTORY_MAX) this.#oldest = this.#changes.shift()!.version;
    for (const watcher of this.#watchers) {
      if (watcher.list === list && watcher.matches(object)) watcher.send({ type, object });
    }
  }

  #answer(call: ApiCall, signal: AbortSignal | undefined): Response {
    const { method, path, query } = call;
    if (method === "PATCH") return this.#patch(call);
    if (method === "POST") return this.#create(call);
    if (method === "DELETE") return this.#remove(call);
    if (query.get("watch")) return this.#watch(path, query, signal);
    const object = this.#objects.get(path);
    if (object) return Response.json(object);
    if (this.#isObjectPath(path)) return failure(404, "NotFound", `${path} not found`);
    return this.#list(path, query);
  }

  /** In pages of `limit`; the token of the next one is where it begins. */
  #list(path: string, query: URLSearchParams): Response {
    const all = [...this.#objects].filter(([key]) => key.startsWith(`${path}/`))
      .filter(([key]) => !key.slice(path.length + 1).includes("/")).map(([, object]) => object)
      .filter(selectorOf(query));
    const from = Number(query.get("continue") ?? 0);
    const to = from + Number(query.get("limit") ?? all.length);
    const metadata = {
      resourceVersion: String(this.#version),
      ...to < all.length ? { continue: String(to) } : {},
    };
    return Response.json({ metadata, items: all.slice(from, to) });
  }

  /** `…/namespaces/NS/PLURAL/NAME`, as against `…/namespaces/NS/PLURAL`. */
  #isObjectPath(path: string): boolean {
    return /\/namespaces\/[^/]+\/[^/]+\/[^/]+$/.test(path);
  }

  #create({ path, body }: ApiCall): Response {
    const at = `${path}/${body.metadata.name}`;
    if (this.#objects.has(at)) return failure(409, "AlreadyExists", `${at} already exists`);
    return Response.json(this.put(at, body), { status: 201 });
  }

  #remove({ path, body }: ApiCall): Response {
    const object = this.#objects.get(path);
    if (!object) return failure(404, "NotFound", `${path} not found`);
    const wanted = body?.preconditions?.resourceVersion;
    if (wanted !== undefined && wanted !== object.metadata.resourceVersion) {
      return failure(409, "Conflict", "the object has been modified");
    }
    this.delete(path);
    return Response.json({ kind: "Status", status: "Success" });
  }

  #patch({ path, body }: ApiCall): Response {
    const [, base, subresource] = /^(.*?)(?:\/(scale|status))?$/.exec(path)!;
    const object = this.#objects.get(base!);
    if (!object) return failure(404, "NotFound", `${base} not found`);
    const wanted = body.metadata?.resourceVersion;
    if (wanted !== undefined && wanted !== object.metadata.resourceVersion) {
      return failure(409, "Conflict", "the object has been modified");
    }
    if (subresource === "scale") {
      const { replicas } = body.spec;
      const { metadata } = this.put(base!, { ...object, spec: { ...object.spec, replicas } });
      const { name, uid, resourceVersion } = metadata;
      // Its generation is not told: who needs it reads the object.
      return Response.json({
        kind: "Scale",
        metadata: { name, uid, resourceVersion },
        spec: { replicas },
      });
    }
    const annotations = { ...object.metadata.annotations, ...body.metadata.annotations };
    const metadata = { ...object.metadata, annotations };
    const spec = body.spec ? { spec: { ...object.spec, ...body.spec } } : {};
    return Response.json(this.put(base!, { ...object, metadata, ...spec }));
  }

  #watch(list: string, query: URLSearchParams, signal: AbortSignal | undefined): Response {
    const since = Number(query.get("resourceVersion"));
    const matches = selectorOf(query);
    const encoder = new TextEncoder();
    let watcher: Watcher;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        const done = (finish: () => void) => () => {
          if (this.#watchers.delete(watcher)) finish();
        };
        watcher = {
          ...{ list, matches },
          send: (event) => controller.enqueue(encoder.encode(`${JSON.stringify(event)}\n`)),
          end: done(() => controller.close()),
          break: done(() => controller.error(new Error("connection reset"))),
        };
        this.#watchers.add(watcher);
        signal?.addEventListener("abort", done(() => controller.error(signal.reason)));
        if (since < this.#oldest) {
          const object = { kind: "Status", code: 410, reason: "Expired", message: "too old" };
          watcher.send({ type: "ERROR", object });
          return watcher.end();
        }
        for (const { version, list: of, type, object } of this.#changes) {
          if (of === list && version > since && matches(object)) watcher.send({ type, object });
        }
      },
      cancel: () => void this.#watchers.delete(watcher),
    });
    return new Response(body);
  }
}

/** Of `labelSelector=a=b,c=d`. */
function selectorOf(query: URLSearchParams): (object: Json) => boolean {
  const labels = (query.get("labelSelector") ?? "").split(",").filter((label) => label !== "")
    .map((label) => label.split("="));
  return ({ metadata }) => labels.every(([key, value]) => metadata.labels?.[key!] === value);
}

export function failure(status: number, reason: string, message: string, headers = {}): Response {
  return Response.json({ kind: "Status", status: "Failure", code: status, reason, message }, {
    status,
    headers,
  });
}
