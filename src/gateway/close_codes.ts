/** What a WebSocket is closed with: a code (RFC 6455 section 7.4.1, and IANA's list) and a short reason. */
import type { ErrorAnswer } from "./error_table.ts";

export const CLOSE = { goingAway: 1001, policy: 1008, tooBig: 1009, failed: 1011, again: 1013 };

/** By what went wrong: nothing to try again, or later, or here and now. */
export function closeCodeOf({ status }: Pick<ErrorAnswer, "status">): number {
  if (status === 413) return CLOSE.tooBig;
  if (status === 503 || status === 429) return CLOSE.again;
  return status >= 500 ? CLOSE.failed : CLOSE.policy;
}

/** As much of `text` as fits into a close frame. */
export function closeReason(text: string): string {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length <= 123) return text;
  return new TextDecoder().decode(bytes.subarray(0, 120)).replace(/\uFFFD+$/, "") + "…";
}
