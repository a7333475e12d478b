/**
 * What a failed `fetch` tells of the connection. Deno says it only in the words of its error's cause:
 * they are matched here and nowhere else, and the test beside runs the real `fetch` to see them change.
 */

import { RequestFailure } from "../platform/http_client.ts";
import { rootCause } from "../lib/root_cause.ts";

/**
 * `refused`: no connection came to be, so not a byte was sent. `closed`: the connection ended, as far
 * as anyone can tell before the first byte of the answer. `other`: whatever it was, a byte may have come.
 */
export type FetchFailure = "refused" | "closed" | "other";

const REFUSED = "client error (Connect)";
const CLOSED = [
  "client error (SendRequest): connection closed before message completed",
  "client error (SendRequest): connection error",
  "client error (SendRequest): error writing a body to connection",
  "client error (SendRequest): operation was canceled",
];

export function fetchFailure(error: unknown): FetchFailure {
  if (error instanceof RequestFailure) return error.kind === "broken" ? "other" : error.kind;
  const reason = fetchReason(error);
  if (reason.includes(REFUSED)) return "refused";
  return CLOSED.some((words) => reason.includes(words)) ? "closed" : "other";
}

/** The cause in words, for the log: without the URL, which may hold a client's secrets. */
export function fetchReason(error: unknown): string {
  const reason = rootCause(error);
  const start = reason.indexOf("client error (");
  return start > 0 ? reason.slice(start) : reason;
}
