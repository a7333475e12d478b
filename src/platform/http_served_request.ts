/** One request of a connection, and its answer. */
import { writeAnswer } from "./http_answer.ts";
import { bodyOf, type HttpBody, MessageBody } from "./http_body.ts";
import { boundaryOf } from "./http_boundary.ts";
import { isLast, type RequestHead } from "./http_head.ts";
import { type HttpResponse, type ReadableRequest, SwitchingProtocols } from "./http_messages.ts";
import type { ServedConnection } from "./http_served.ts";
import { type AcceptOptions, acceptWebSocket, isHandshake, type Socket } from "./web_socket.ts";

export class ServedRequest {
  readonly #leaving = new AbortController();
  readonly #completed = Promise.withResolvers<void>();
  readonly #isHandshake: boolean;
  readonly #body: MessageBody | null = null;
  #answerBody: HttpBody | null = null;
  #isWhole = true;

  constructor(
    readonly served: ServedConnection,
    readonly head: RequestHead,
    readonly request: ReadableRequest,
  ) {
    const { framing, method, headers } = request;
    this.#isHandshake = isHandshake(method, (name) => headers.get(name));
    if (framing === "none" || framing.kind === "length" && framing.length === 0) return;
    this.#isWhole = false;
    this.#body = new MessageBody(served.connection, boundaryOf(framing), {
      onWhole: () => {
        this.#isWhole = true;
        served.connection.shrink();
        served.connection.watch();
      },
      onCut() {},
    });
  }

  /** True if another one may follow. */
  async serve(): Promise<boolean> {
    const { connection, server } = this.served;
    connection.onEnd = () => this.#leave();
    if (this.#isWhole) connection.watch();
    try {
      if (this.#expectsContinue) await connection.write(CONTINUE);
      const answer = await this.#answer();
      if (answer instanceof SwitchingProtocols || this.served.socket) {
        this.#completed.resolve();
        return false;
      }
      this.#answerBody = answer.body && bodyOf(answer.body);
      if (connection.isEnded) throw new Error("The client has left");
      const { method, minor, fields } = this.head;
      const goesOn = await writeAnswer(connection, {
        status: answer.status,
        headers: answer.headers,
        body: this.#answerBody,
      }, {
        ...{ method, minor },
        isLast: isLast(fields, minor) || method === "CONNECT" || this.#isHandshake ||
          this.#body?.isBroken || server.isClosing,
      });
      this.#complete();
      return await this.#linger(goesOn);
    } catch (error) {
      this.#leave();
      throw error;
    } finally {
      connection.unwatch();
      this.served.isAnswering = false;
    }
  }

  /** A client that waits for a word before it sends its body gets it at once. */
  get #expectsContinue(): boolean {
    const { framing, headers } = this.request;
    return framing !== "none" && this.head.minor === 1 &&
      /^100-continue$/i.test(headers.get("expect") ?? "");
  }

  #answer(): HttpResponse | Promise<HttpResponse> {
    const { served, request: { method, url, headers } } = this;
    const request = { method, url, headers, body: this.#body, signal: this.#leaving.signal };
    const info = {
      remoteAddr: served.remoteAddr,
      completed: this.#completed.promise,
      upgrade: (options: AcceptOptions) => this.#upgrade(options),
    };
    try {
      const answer = served.server.handler(request, info);
      return answer instanceof Promise ? answer.catch(failed) : answer;
    } catch {
      return failed();
    }
  }

  async #upgrade(options: AcceptOptions): Promise<Socket> {
    if (!this.#isHandshake) throw new Error("not a handshake");
    const { served, request: { method, url, headers } } = this;
    const { connection } = served;
    connection.onEnd = undefined;
    connection.unwatch();
    served.socket = await acceptWebSocket({ method, url, headers }, connection, options);
    return served.socket;
  }

  /** What is left of a request that was answered already is read and thrown away, for a while. */
  async #linger(goesOn: boolean): Promise<boolean> {
    const { served } = this;
    served.connection.unwatch();
    if (!goesOn) {
      await served.hangUp();
      return false;
    }
    if (!this.#isWhole) {
      const timer = setTimeout(() => served.close(), served.server.limits.lingerMs);
      Deno.unrefTimer(timer);
      try {
        await this.#body!.drain();
      } finally {
        clearTimeout(timer);
      }
    }
    served.rest();
    return true;
  }

  /** The client has gone before its answer was complete. */
  #leave(): void {
    this.#leaving.abort();
    this.#answerBody?.cancel();
    this.#complete();
  }

  #complete(): void {
    this.served.connection.onEnd = undefined;
    this.#completed.resolve();
  }
}

const failed = () => new Response(null, { status: 500 });

const CONTINUE = new TextEncoder().encode("HTTP/1.1 100 Continue\r\n\r\n");
