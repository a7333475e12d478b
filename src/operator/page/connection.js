/**
 * The event stream, and its return after every loss. It is read with `fetch` and not with an `EventSource`: that says
 * neither why it was refused nor that nothing has come for a while, and gives up for ever on a status that is not 200.
 */
import { EventParser } from "./events.js";

const RETRY_MS = 500;
const RETRY_MAX_MS = 10_000;
/** The gateway writes at least every 15 s; a connection that says nothing for so long is dead. */
const SILENCE_MS = 40_000;
/** A page that nobody sees holds no connection: a browser has six for one gateway. */
const HIDDEN_MS = 60_000;

export class Connection {
  /** `live`, or `lost` with the reason and when it is tried again. */
  status = { name: "connecting" };
  #abort;
  #timer;
  #failures = 0;

  /** `onEvents` takes the events that came at once, `onOpen` is told at each start of the stream. */
  constructor({ onEvents, onOpen, onStatus }) {
    Object.assign(this, { onEvents, onOpen, onStatus });
    document.addEventListener("visibilitychange", () => this.#seen());
    this.connect();
  }

  /** Now, whenever it would have tried. */
  async connect() {
    clearTimeout(this.#timer);
    this.#abort?.abort();
    const abort = this.#abort = new AbortController();
    let reason;
    try {
      await this.#read(abort);
      reason = "the gateway has ended the connection";
    } catch (error) {
      // What a browser says where nobody answers: "Failed to fetch", "Load failed", ...
      reason = error instanceof TypeError ? "the gateway does not answer" : error.message;
    }
    if (abort === this.#abort) this.#lost(reason);
  }

  async #read(abort) {
    const response = await fetch("api/events", { signal: abort.signal, cache: "no-store" });
    if (!response.ok) throw new Error(`the gateway answers ${response.status}`);
    const parser = new EventParser();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let isFirst = true;; isFirst = false) {
      const silence = setTimeout(() => abort.abort(new Error("nothing came for 40 s")), SILENCE_MS);
      const { done, value } = await reader.read().finally(() => clearTimeout(silence));
      if (done || abort.signal.aborted) return;
      if (isFirst) {
        this.#failures = 0;
        this.#say({ name: "live" });
        this.onOpen();
      }
      const events = parser.push(value);
      if (events.length > 0) this.onEvents(events);
    }
  }

  #lost(reason) {
    const waitMs = Math.min(RETRY_MS * 2 ** this.#failures++, RETRY_MAX_MS) *
      (0.8 + Math.random() / 5);
    this.#timer = setTimeout(() => this.connect(), waitMs);
    this.#say({ name: "lost", reason, retryAtMs: Date.now() + waitMs });
  }

  #seen() {
    clearTimeout(this.#hiding);
    if (!document.hidden && this.status.name !== "live") return void this.connect();
    if (document.hidden) this.#hiding = setTimeout(() => this.#rest(), HIDDEN_MS);
  }

  #hiding;

  #rest() {
    clearTimeout(this.#timer);
    this.#abort?.abort();
    this.#abort = undefined;
    this.#say({ name: "resting" });
  }

  #say(status) {
    this.status = status;
    this.onStatus(status);
  }
}
