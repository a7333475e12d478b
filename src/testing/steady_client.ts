/** A client that asks one model for a stream again and again, on a connection of its own each time, until told to end. */
import { RawClient } from "./raw_client.ts";

/** No answer of a test takes that long: whoever waits longer was forgotten. */
const ANSWER_MAX_MS = 60_000;

export interface FailedRequest {
  readonly model: string;
  /** Of the client's end of the connection; 0: there was none, so nothing was sent. */
  readonly port: number;
  /** When it had failed, as `performance.now()` has it. */
  readonly failedMs: number;
  readonly received: string;
}

export interface SteadyClientOptions {
  readonly model: string;
  /** Where the gateway, or what stands before it, listens. */
  readonly url: string;
  /** From one answer to the next request. */
  readonly pauseMs: () => number;
  /** More for the body of the request. */
  readonly body?: Readonly<Record<string, unknown>>;
}

export class SteadyClient {
  /** Requests that have come to an end. */
  asked = 0;
  readonly failed: FailedRequest[] = [];
  #isOver = false;
  readonly #asking: Promise<void>;

  constructor(readonly options: SteadyClientOptions) {
    this.#asking = this.#run();
  }

  /** Resolves when the request under way has come to an end, too. */
  async end(): Promise<void> {
    this.#isOver = true;
    await this.#asking;
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      await this.#ask();
      this.asked++;
      await new Promise((resolve) => setTimeout(resolve, this.options.pauseMs()));
    }
  }

  async #ask(): Promise<void> {
    const { url, model, body } = this.options;
    let client: RawClient;
    try {
      client = await RawClient.connect(Number(new URL(url).port));
    } catch (error) {
      const received = (error as Error).message;
      return void this.failed.push({ model, port: 0, failedMs: performance.now(), received });
    }
    using _client = client;
    const { port } = client;
    const timer = setTimeout(() => client[Symbol.dispose](), ANSWER_MAX_MS);
    try {
      await client.post(
        "/v1/chat/completions",
        { model, messages: [{ role: "user", content: "Go on" }], stream: true, ...body },
        { connection: "close" },
      );
      await client.ended;
    } catch {
      // What came of it tells more.
    } finally {
      clearTimeout(timer);
    }
    if (isWhole(client)) return;
    this.failed.push({
      ...{ model, port, failedMs: performance.now() },
      received: client.received.slice(0, 500),
    });
  }
}

function isWhole({ received, chunks: { text, complete } }: RawClient): boolean {
  return received.startsWith("HTTP/1.1 200 ") && complete &&
    text.trimEnd().endsWith("data: [DONE]");
}
