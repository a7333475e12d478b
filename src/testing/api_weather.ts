/** What stands between a gateway and a {@link FakeApiServer}: latency, and everything that goes wrong. */
import { orAborted } from "../lib/or_aborted.ts";
import type { Clock } from "../platform/clock.ts";
import type { Fetch } from "../platform/fetch.ts";
import { failure } from "./fake_api_server.ts";

/** What becomes of one call. */
export type CallFate =
  | "answered"
  /** Broken before it was done, or after. */
  | "lost before"
  | "lost after"
  | "429"
  | "500"
  | "403";

export interface WeatherOptions {
  readonly clock: Clock;
  readonly server: Fetch;
}

export class ApiWeather {
  latencyMs: () => number = () => 5;
  fate: (method: string) => CallFate = () => "answered";
  #isDown = false;
  #hole: PromiseWithResolvers<void> | undefined;
  readonly #streams = new Set<{ breakOff(): void; isStuck: boolean }>();
  /** Once true nothing more reaches the server, and nothing comes from it: the gateway was killed. */
  isCut = false;
  /** Called before each call is passed on, with its number from 1. */
  onCall: (n: number, method: string, path: string) => void = () => {};
  /** Called when it was done, before its answer is on its way. */
  onDone: (n: number) => void = () => {};
  calls = 0;

  constructor(readonly options: WeatherOptions) {}

  /** Away: calls are refused, watches break. */
  set isDown(isDown: boolean) {
    this.#isDown = isDown;
    if (isDown) this.reset();
  }

  /** Nothing moves, and nobody says so; what waited goes on afterwards. */
  set isBlackHole(isHole: boolean) {
    if (isHole) this.#hole ??= Promise.withResolvers();
    else {
      this.#hole?.resolve();
      this.#hole = undefined;
    }
  }

  /** Breaks all open watches. */
  reset(): void {
    for (const stream of [...this.#streams]) stream.breakOff();
  }

  /** Open watches say nothing any more, and do not break; new ones work. */
  halfOpen(): void {
    for (const stream of this.#streams) stream.isStuck = true;
  }

  readonly fetch: Fetch = async (input, init = {}) => {
    const method = init.method ?? "GET";
    const signal = init.signal ?? undefined;
    const n = ++this.calls;
    const url = new URL(input);
    this.onCall(n, method, url.pathname);
    await this.#pass(signal);
    if (this.#isDown) throw new TypeError("connection refused");
    const fate = this.fate(method);
    if (fate === "lost before") throw new TypeError("connection reset");
    if (fate === "429") return failure(429, "TooManyRequests", "later", { "retry-after": "1" });
    if (fate === "500") return failure(500, "InternalError", "etcd is not well");
    if (fate === "403") return failure(403, "Forbidden", "RBAC is not there yet");
    const response = await this.options.server(input, init);
    this.onDone(n);
    await this.#pass(signal);
    if (fate === "lost after") throw new TypeError("connection reset");
    return url.searchParams.has("watch") ? this.#slow(response, url, signal) : response;
  };

  /** On its way: as long as that takes, and for ever in a hole. */
  async #pass(signal: AbortSignal | undefined): Promise<void> {
    await orAborted(this.#delay(), signal);
    while (this.#hole) await orAborted(this.#hole.promise, signal);
    if (this.isCut) await orAborted(new Promise<never>(() => {}), signal);
  }

  #delay(): Promise<void> {
    return new Promise((resolve) => void this.options.clock.timer(this.latencyMs(), resolve));
  }

  /** The same stream, with what is between; it ends when the request said that it should. */
  #slow(response: Response, url: URL, signal: AbortSignal | undefined): Response {
    const reader = response.body!.getReader();
    const seconds = Number(url.searchParams.get("timeoutSeconds"));
    let isOver = false;
    let limit: Disposable | undefined;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        const end = (finish: () => void) => {
          if (isOver) return;
          isOver = true;
          this.#streams.delete(stream);
          limit?.[Symbol.dispose]();
          reader.cancel().catch(() => {});
          finish();
        };
        const breakOff = () => end(() => controller.error(new TypeError("connection reset")));
        const stream = { breakOff, isStuck: false };
        this.#streams.add(stream);
        signal?.addEventListener("abort", () => end(() => controller.error(signal.reason)));
        limit = this.options.clock.timer(seconds * 1000, () => {
          if (!this.#hole && !this.isCut && !stream.isStuck) end(() => controller.close());
        });
        const pump = async () => {
          for (;;) {
            const { done, value } = await reader.read();
            if (stream.isStuck || isOver) return;
            if (done) return end(() => controller.close());
            await this.#pass(signal);
            if (stream.isStuck || isOver) return;
            controller.enqueue(value);
          }
        };
        pump().catch((error) => end(() => controller.error(error)));
      },
    });
    return new Response(body, { status: response.status });
  }
}
