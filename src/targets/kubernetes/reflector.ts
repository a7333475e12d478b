/**
 * What the API server has of one kind, kept up to date: list, then watch from there, resume where the
 * watch ended, list again where that is no longer possible. A watch that says nothing for too long is
 * taken for dead: a connection through a lost NAT entry never says so.
 */
import type { Clock } from "../../platform/clock.ts";
import type { Random } from "../../platform/random.ts";
import type { Log } from "../../telemetry/log.ts";
import { ApiError, type KubernetesApi } from "./api.ts";
import { readLines } from "./lines.ts";

/** What every object has. */
export interface KubernetesObject {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid: string;
    readonly resourceVersion: string;
  };
}

/** What every watch of one cluster works with. */
export interface WatchTools {
  readonly api: KubernetesApi;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export interface ReflectorOptions<T> extends WatchTools {
  /** Of the list, e.g. `/apis/apps/v1/namespaces/ai/deployments`. */
  readonly path: string;
  /** Only objects with these labels, e.g. `app=a,tier=b`. Default all. */
  readonly labels?: string;
  /** The little that is kept of an object; undefined: nothing, it is as if it were not there. */
  readonly pick: (object: KubernetesObject) => T | undefined;
  /** Called after each change with the object's name; `item` undefined: it is gone. */
  readonly onChange: (name: string, item: T | undefined) => void;
  /** Called after each list and each return of contact, when contact is lost, and when we are refused. */
  readonly onContact: () => void;
  /**
   * False: what comes from now on is told, and nothing is listed or kept. What happens while it has no
   * contact may be missed. Default true.
   */
  readonly keeps?: boolean;
}

/** The API server ends a watch after so long by itself; it sends a bookmark about every minute. */
const WATCH_TIMEOUT_S = 570;
/** Bookmarks come more often than that. */
export const SILENCE_MAX_MS = 150_000;
const BACK_OFF_MS = 250;
const BACK_OFF_MAX_MS = 10_000;
/** A watch that ended sooner and brought nothing did not work, however politely it ended. */
const WATCH_MIN_MS = 1_000;
const PAGE = 500;
/** An API server that has just started answers 403 for about a second: a refusal is believed later. */
const REFUSED_FOR_MS = 2_000;
/** Rights are granted by people: nobody is to be asked for them every few seconds. */
const REFUSED_BACK_OFF_MAX_MS = 60_000;

const ENDED_AT_ONCE = "the watch ended as soon as it began";
const LIST_AGAIN = new Error("list again");

interface List {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
  readonly items: readonly KubernetesObject[];
}

interface WatchEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  readonly object: KubernetesObject & { readonly code?: number; readonly message?: string };
}

export class Reflector<T> {
  readonly #items = new Map<string, T>();
  readonly #end = new AbortController();
  #resourceVersion: string | undefined;
  #failures = 0;
  #listed = false;
  #inContact = false;
  /** The watch under way. */
  #watching: AbortController | undefined;
  #listAgain = false;
  /** Why there is no contact, for people. */
  trouble: string | undefined;
  #refusedSinceMs: number | undefined;
  #refusal: string | undefined;
  #retry: (() => void) | undefined;
  readonly done: Promise<void>;
  readonly #first = Promise.withResolvers<void>();

  constructor(readonly options: ReflectorOptions<T>) {
    this.done = this.#run();
  }

  /** True once a list has come: a store that was never listed is not empty. */
  get isListed(): boolean {
    return this.#listed;
  }

  /** Settles with the first list, and never without one. */
  get listed(): Promise<void> {
    return this.#first.promise;
  }

  /** True while what it has is what the API server has, as far as can be known. */
  get isFresh(): boolean {
    return this.#listed && this.#inContact;
  }

  /** The API server's words when it will not show these objects to us, and that is believed. */
  get refusal(): string | undefined {
    return this.#refusal;
  }

  /** Somebody heard of the API server: what waits before its next try, tries now. */
  retryNow(): void {
    this.#retry?.();
  }

  get(name: string): T | undefined {
    return this.#items.get(name);
  }

  get size(): number {
    return this.#items.size;
  }

  values(): Iterable<T> {
    return this.#items.values();
  }

  /** Lists again soon: what is to be kept has changed. Several calls in a row are one. */
  listAgain(): void {
    this.#listAgain = true;
    this.#watching?.abort(LIST_AGAIN);
  }

  get path(): string {
    return this.options.path;
  }

  close(): Promise<void> {
    this.#end.abort(new Error("closed"));
    return this.done;
  }

  async #run(): Promise<void> {
    const { signal } = this.#end;
    while (!signal.aborted) {
      try {
        if (this.#resourceVersion === undefined || this.#listAgain) await this.#list(signal);
        if (!this.#listAgain) await this.#watch(signal);
      } catch (error) {
        if (signal.aborted) return;
        const isWanted = this.#watching?.signal.reason === LIST_AGAIN;
        this.#watching = undefined;
        if (!isWanted) await this.#recover(error as Error);
      }
    }
  }

  #query(query: string): string {
    const { path, labels } = this.options;
    return `${path}?${query}${labels ? `&labelSelector=${encodeURIComponent(labels)}` : ""}`;
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { api, keeps = true } = this.options;
    // Who asks from here on may be too late for this one.
    this.#listAgain = false;
    const seen = new Set<string>();
    let token: string | undefined;
    let list: List;
    do {
      const more = token === undefined ? "" : `&continue=${encodeURIComponent(token)}`;
      const path = this.#query(`limit=${keeps ? PAGE : 1}${more}`);
      list = await api.call<List>({ verb: "list", path, signal });
      if (!keeps) break;
      for (const object of list.items) {
        seen.add(object.metadata.name);
        this.#put(object);
      }
      token = list.metadata.continue || undefined;
    } while (token !== undefined);
    for (const name of [...this.#items.keys()]) if (!seen.has(name)) this.#drop(name);
    this.#resourceVersion = list.metadata.resourceVersion;
    this.#listed = true;
    this.#first.resolve();
    this.#contact("listed");
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { api, clock } = this.options;
    const silence = this.#watching = new AbortController();
    const stop = () => silence.abort(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    let timer: Disposable | undefined;
    const heard = () => {
      timer?.[Symbol.dispose]();
      timer = clock.timer(SILENCE_MAX_MS, () => silence.abort(new Error("the watch fell silent")));
    };
    let startMs = Infinity;
    let isSilent = true;
    try {
      heard();
      const query = `watch=1&allowWatchBookmarks=true&timeoutSeconds=${WATCH_TIMEOUT_S}` +
        `&resourceVersion=${this.#resourceVersion}`;
      const response = await api.stream({
        ...{ verb: "watch", path: this.#query(query), signal: silence.signal },
      });
      startMs = clock.nowMs();
      this.#contact("watching");
      for await (const line of readLines(response.body!, silence.signal, heard)) {
        isSilent = false;
        this.#take(JSON.parse(line) as WatchEvent);
      }
      // The API server ended it, as it does now and then: go on from where it was.
      if (isSilent && clock.nowMs() - startMs < WATCH_MIN_MS) throw new Error(ENDED_AT_ONCE);
    } finally {
      if (clock.nowMs() - startMs >= WATCH_MIN_MS) this.#failures = 0;
      timer?.[Symbol.dispose]();
      signal.removeEventListener("abort", stop);
    }
  }

  #take({ type, object }: WatchEvent): void {
    if (type === "ERROR") {
      throw new ApiError(object.code ?? 0, "Expired", object.message ?? "the watch failed");
    }
    this.#failures = 0;
    this.options.api.options.observer?.heard(this.options.path);
    this.#resourceVersion = object.metadata.resourceVersion;
    if (type === "BOOKMARK") return;
    if (type === "DELETED") this.#drop(object.metadata.name);
    else this.#put(object);
  }

  #put(object: KubernetesObject): void {
    const { name } = object.metadata;
    const item = this.options.pick(object);
    if (item === undefined) return this.#drop(name);
    if (this.options.keeps ?? true) this.#items.set(name, item);
    this.options.onChange(name, item);
  }

  #drop(name: string): void {
    if (this.#items.delete(name)) this.options.onChange(name, undefined);
  }

  #contact(by: "listed" | "watching"): void {
    // Whoever may list may still be refused the watch: until that is open, nothing is forgotten.
    if (by === "watching") this.trouble = this.#refusal = this.#refusedSinceMs = undefined;
    this.#inContact = true;
    this.options.onContact();
  }

  /** Waits before the next try; what can no longer be resumed is listed anew. */
  async #recover(error: Error): Promise<void> {
    // 410, or an answer that makes no sense: what we have cannot be built upon.
    if (error instanceof ApiError || error instanceof SyntaxError) {
      this.#resourceVersion = undefined;
    }
    this.options.api.options.observer?.restarted(this.options.path);
    const isExpiry = error instanceof ApiError && error.status === 410;
    if (!isExpiry) this.#lost(error);
    const failures = this.#failures++;
    // What has expired is listed at once, but not again and again.
    if (isExpiry && failures === 0) return;
    const maxMs = this.#refusal === undefined ? BACK_OFF_MAX_MS : REFUSED_BACK_OFF_MAX_MS;
    const waitMs = Math.min(BACK_OFF_MS * 2 ** failures, maxMs);
    await this.#pause(waitMs * (0.5 + this.options.random.next()));
  }

  #lost(error: Error): void {
    const { clock, log, path } = this.options;
    // Said once, however long it lasts.
    if (error.message !== this.trouble) log.warn("watch lost", { path, reason: error.message });
    this.trouble = error.message;
    const wasInContact = this.#inContact;
    this.#inContact = false;
    const refused = error instanceof ApiError && (error.status === 403 || error.status === 401);
    this.#refusedSinceMs = refused ? this.#refusedSinceMs ?? clock.nowMs() : undefined;
    const isBelieved = refused && clock.nowMs() - this.#refusedSinceMs! >= REFUSED_FOR_MS;
    const isNew = isBelieved && this.#refusal === undefined;
    this.#refusal = isBelieved ? error.message : undefined;
    if (wasInContact || isNew) this.options.onContact();
  }

  async #pause(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    using _timer = this.options.clock.timer(ms, resolve);
    const over = this.#retry = () => resolve();
    this.#end.signal.addEventListener("abort", over, { once: true });
    await promise;
    this.#end.signal.removeEventListener("abort", over);
    this.#retry = undefined;
  }
}
