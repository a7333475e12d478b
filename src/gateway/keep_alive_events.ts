/** The body of an early event stream: comments, which no client sees, then the upstream's events. */
import type { Clock } from "../platform/clock.ts";
import type { Api } from "./envelope.ts";
import type { ErrorAnswer } from "./error_table.ts";
import { EventBoundary } from "./event_boundary.ts";
import type { Answer } from "./exchange.ts";
import { unbroken, within } from "./keep_alive.ts";
import { streamError } from "./stream_errors.ts";
import { isPlain, upstreamError } from "./upstream_error.ts";

export const EVENT_STREAM_HEADERS = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-cache",
  // nginx would collect the comments instead of passing them on.
  "x-accel-buffering": "no",
};

/** Any text but `ping`, which one editor takes for the end of the stream. */
const COMMENT = ": waking\n\n";

/** LangChain's asynchronous Python streams raise 120 s after the last chunk that they could parse. */
const FIRST_CHUNK_AFTER_MS = 60_000;
const CHUNK_INTERVAL_MS = 30_000;

export interface EarlyEvents {
  readonly clock: Clock;
  readonly arrivedMs: number;
  readonly intervalMs: number;
  readonly api: Api;
  /** What a chat stream's empty chunks say; undefined for streams that have no such chunks. */
  readonly chat: { readonly id: string; readonly model: string } | undefined;
  /** The answer to an error of ours, noted and logged; undefined if nobody is there to read it. */
  rescue(error: unknown): ErrorAnswer | undefined;
}

export async function* earlyEvents(
  answer: Promise<Answer>,
  options: EarlyEvents,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const encoder = new TextEncoder();
  const boundary = new EventBoundary();
  try {
    for await (const text of signsOfLife(answer, options)) yield encoder.encode(text);
    const { response } = await answer;
    if (!isPlain(response, /^text\/event-stream\b/i)) {
      yield encoder.encode(streamError(await upstreamError(response, options.clock), options.api));
      return;
    }
    for await (const chunk of unbroken(response.body)) {
      boundary.pass(chunk);
      yield chunk;
    }
  } catch (error) {
    const told = options.rescue(error);
    if (told) yield encoder.encode(boundary.rest + streamError(told, options.api));
  }
}

/** Ends when `answer` has come. */
async function* signsOfLife(
  answer: Promise<Answer>,
  { clock, arrivedMs, intervalMs, chat }: EarlyEvents,
): AsyncGenerator<string> {
  let chunkAtMs = chat ? arrivedMs + FIRST_CHUNK_AFTER_MS : Infinity;
  do {
    yield COMMENT;
    if (chat && clock.nowMs() >= chunkAtMs) {
      yield emptyChunk(chat, clock.wallMs());
      chunkAtMs = clock.nowMs() + CHUNK_INTERVAL_MS;
    }
  } while (!await within(answer, Math.min(intervalMs, chunkAtMs - clock.nowMs()), clock));
}

function emptyChunk({ id, model }: { id: string; model: string }, wallMs: number): string {
  const chunk = {
    id,
    object: "chat.completion.chunk",
    created: Math.floor(wallMs / 1000),
    model,
    choices: [{ index: 0, delta: { content: "" }, finish_reason: null }],
  };
  return `data: ${JSON.stringify(chunk)}\n\n`;
}
