/**
 * The body of an early JSON answer: white space, which may stand before any JSON, then the upstream's.
 * There is no way to tell a failure in it, so a failure cuts the connection.
 */
import type { Clock } from "../platform/clock.ts";
import { cancelBody } from "../platform/http_body.ts";
import type { HttpResponse } from "../platform/http_messages.ts";
import type { Answer } from "./exchange.ts";
import { isPlain } from "./upstream_error.ts";
import { unbroken, within } from "./keep_alive.ts";
import { RequestError } from "./request_error.ts";

export const JSON_HEADERS = { "content-type": "application/json", "cache-control": "no-cache" };

export interface EarlyJson {
  readonly clock: Clock;
  readonly intervalMs: number;
  /** Notes and logs what the client is only shown as a broken connection. */
  rescue(error: unknown): void;
}

/** @throws on whatever is not the JSON of a success: to the client the connection breaks */
export async function* earlyJson(
  answer: Promise<Answer>,
  { clock, intervalMs, rescue }: EarlyJson,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  try {
    do {
      yield new TextEncoder().encode(" ");
    } while (!await within(answer, intervalMs, clock));
    yield* unbroken(await jsonOf(answer));
  } catch (error) {
    rescue(error);
    throw error;
  }
}

async function jsonOf(answer: Promise<Answer>): Promise<HttpResponse["body"]> {
  const { response } = await answer;
  if (isPlain(response, /json\b/i)) return response.body;
  cancelBody(response.body);
  throw new RequestError(
    "upstream_unreachable",
    `The model's server answered with status ${response.status}, not with JSON`,
  );
}
