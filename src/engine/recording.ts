/** What came in: as a note for tests that count requests, and as the call that routes are given. */
import type { Clock } from "../platform/clock.ts";
import type { NodeRequest, Outcome } from "../platform/node_server.ts";
import type { Call } from "./core.ts";

export interface RecordedRequest {
  readonly method: string;
  /** Path and query as sent. */
  readonly target: string;
  /** Names in lower case, in the order of arrival. */
  readonly headers: NodeRequest["headers"];
  /** Empty until it has arrived in full. */
  body: Uint8Array<ArrayBuffer>;
  readonly arrivedMs: number;
  outcome: Outcome | "open";
  endedMs: number | undefined;
  readonly ended: Promise<Outcome>;
}

export function recordRequest(request: NodeRequest, clock: Clock): RecordedRequest {
  const record: RecordedRequest = {
    method: request.method,
    target: request.target,
    headers: request.headers,
    body: new Uint8Array(),
    arrivedMs: clock.nowMs(),
    outcome: "open",
    endedMs: undefined,
    ended: request.outcome.then((outcome) => {
      record.endedMs = clock.nowMs();
      return record.outcome = outcome;
    }),
  };
  return record;
}

export function toCall(request: NodeRequest, body: Uint8Array<ArrayBuffer>): Call {
  const [path, query] = split(request.target);
  return {
    method: request.method,
    isWebSocket: request.isWebSocket,
    path,
    query: new URLSearchParams(query),
    headers: joinHeaders(request.headers),
    body,
    signal: request.signal,
  };
}

function split(target: string): [path: string, query: string] {
  const mark = target.indexOf("?");
  const [path, query] = mark < 0 ? [target, ""] : [target.slice(0, mark), target.slice(mark + 1)];
  try {
    return [decodeURIComponent(path), query];
  } catch {
    return [path, query];
  }
}

function joinHeaders(headers: NodeRequest["headers"]): ReadonlyMap<string, string> {
  const joined = new Map<string, string>();
  for (const [name, value] of headers) {
    const before = joined.get(name);
    joined.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return joined;
}
