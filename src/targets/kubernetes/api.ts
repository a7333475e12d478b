/**
 * Calls to the API server: each with a deadline, few at a time, tried again where that is safe. Errors
 * are two: it said no ({@link ApiError}), or it did not answer ({@link ApiUnreachable}).
 */
import type { Clock } from "../../platform/clock.ts";
import type { Random } from "../../platform/random.ts";
import { orAborted } from "../../lib/or_aborted.ts";
import { rootCause } from "../../lib/root_cause.ts";
import { Semaphore } from "../../lib/semaphore.ts";
import type { ClusterAccess } from "./cluster_access.ts";
import { Deadline } from "./deadline.ts";

/** The API server's own answer (`kind: Status`). */
export class ApiError extends Error {
  constructor(
    /** HTTP status. */
    readonly status: number,
    /** The machine's word for it, e.g. `NotFound`, `Conflict`, `Forbidden`, `Expired`. */
    readonly reason: string,
    message: string,
  ) {
    super(message);
    this.name = "ApiError";
  }
}

/** No answer, or none that can be understood: whether a change was made is not known. */
export class ApiUnreachable extends Error {
  constructor(message: string) {
    super(message);
    this.name = "ApiUnreachable";
  }
}

export type Verb = "get" | "list" | "watch" | "create" | "update" | "patch" | "delete";

/** What is counted of the talk with an API server. */
export interface ApiObserver {
  /** Told of every answer, with status 0 for none. */
  answered(verb: Verb, status: number): void;
  /** A watch of the list at `path` has brought something, a bookmark included. */
  heard(path: string): void;
  /** One has ended other than by its time, and begins anew. */
  restarted(path: string): void;
}

export interface ApiOptions {
  readonly access: ClusterAccess;
  readonly clock: Clock;
  readonly random: Random;
  readonly observer?: ApiObserver;
}

export interface ApiRequest {
  readonly verb: Verb;
  /** From the root, with its query. */
  readonly path: string;
  readonly method?: "GET" | "PATCH" | "POST" | "PUT" | "DELETE";
  readonly body?: unknown;
  readonly contentType?: string;
  readonly signal?: AbortSignal;
}

export const MERGE_PATCH = "application/merge-patch+json";

/** A list may be long and its connection slow: as long as pieces come it is given so long in all. */
const BODY_MAX_MS = 120_000;
const TRIES_MAX = 4;
/** The API server counts requests in flight; its default share for a service account is small. */
const AT_ONCE_MAX = 16;
const BACK_OFF_MS = 200;

export class KubernetesApi {
  readonly #slots = new Semaphore(AT_ONCE_MAX);

  constructor(readonly options: ApiOptions) {}

  get namespace(): string {
    return this.options.access.namespace;
  }

  /** @throws ApiError, ApiUnreachable, or the signal's reason */
  async call<T>(request: ApiRequest): Promise<T> {
    using _slot = await this.#slots.take(request.signal);
    using late = new Deadline(this.options.clock, request.signal);
    const response = await this.#tried(request, late.signal);
    late.allow(BODY_MAX_MS);
    try {
      // A body of a `fetch` that was aborted may leave its reader waiting for ever (`lines.ts`), and its slot taken.
      return JSON.parse(await orAborted(textOf(response, late), late.signal)) as T;
    } catch {
      request.signal?.throwIfAborted();
      throw new ApiUnreachable("the API server broke off its answer");
    }
  }

  /** One long answer, not bounded in time; its first byte is. @throws as `call` does */
  async stream(request: ApiRequest & { readonly signal: AbortSignal }): Promise<Response> {
    const late = new Deadline(this.options.clock, request.signal);
    try {
      const response = await this.#tried(request, late.signal);
      late.lift();
      return response;
    } catch (error) {
      late[Symbol.dispose]();
      throw error;
    }
  }

  /** The first good answer; waits between tries, as long as the API server asks for. */
  async #tried(request: ApiRequest, signal: AbortSignal): Promise<Response> {
    for (let tries = 1;; tries++) {
      const response = await this.#send(request, signal);
      if (response.ok) return response;
      const error = await errorOf(response);
      if (tries === TRIES_MAX || !isWorthAnother(request, response.status)) throw error;
      const asked = Number(response.headers.get("retry-after")) * 1000 || 0;
      const backOffMs = BACK_OFF_MS * 2 ** tries * (0.5 + this.options.random.next());
      await this.#pause(Math.max(asked, backOffMs), signal, error);
    }
  }

  async #send(request: ApiRequest, signal: AbortSignal): Promise<Response> {
    const { access, observer } = this.options;
    for (let renew = false;; renew = true) {
      let response: Response;
      try {
        const authorization = await access.authorization(renew);
        response = await access.fetch(access.server + request.path, {
          method: request.method ?? "GET",
          headers: headersOf(request, authorization),
          ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
          signal,
        });
      } catch (error) {
        observer?.answered(request.verb, 0);
        request.signal?.throwIfAborted();
        throw new ApiUnreachable(rootCause(signal.aborted ? signal.reason : error));
      }
      observer?.answered(request.verb, response.status);
      // A rotated token: once more with a new one.
      if (response.status !== 401 || renew) return response;
      await response.body?.cancel();
    }
  }

  /** @throws `error` if the deadline comes first */
  async #pause(ms: number, signal: AbortSignal, error: Error): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const over = () => reject(error);
    using _timer = this.options.clock.timer(ms, resolve);
    signal.addEventListener("abort", over, { once: true });
    await promise.finally(() => signal.removeEventListener("abort", over));
  }
}

async function textOf(response: Response, late: Deadline): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of response.body ?? []) {
    late.extend();
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

function headersOf(
  { body, contentType }: ApiRequest,
  authorization: string | undefined,
): Record<string, string> {
  return {
    accept: "application/json",
    "user-agent": "vllm-autoscaler",
    ...(authorization ? { authorization } : {}),
    ...(body === undefined ? {} : { "content-type": contentType ?? "application/json" }),
  };
}

/**
 * 429 was not begun. A server's failure is tried again only where nothing can be done twice: whether a
 * change was made before it is not known.
 */
function isWorthAnother({ verb }: ApiRequest, status: number): boolean {
  if (status === 429) return true;
  return status >= 500 && (verb === "get" || verb === "list" || verb === "watch");
}

/** @returns ApiError; ApiUnreachable where it is no word on the request: a failure, or come again later */
async function errorOf(response: Response): Promise<Error> {
  const text = await response.text().catch(() => "");
  let status: { kind?: string; reason?: string; message?: string } = {};
  try {
    status = JSON.parse(text);
  } catch {
    // A proxy's page.
  }
  const message = status.message ?? `HTTP ${response.status}`;
  if (response.status >= 500 || response.status === 429) return new ApiUnreachable(message);
  return new ApiError(response.status, status.reason ?? "", message);
}
