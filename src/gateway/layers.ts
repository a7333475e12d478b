/**
 * The layers that a request goes through: each is one idea, all are one list, folded once when the
 * gateway is built. The server and the tests call the same fold.
 */
import type { HttpResponse, RequestInfo, ServerRequest } from "../platform/http_messages.ts";
import type { KeySpec } from "../config/spec.ts";
import type { RequestTrace } from "./request_trace.ts";

/** What the layers know of one request; the request itself is never changed. */
export interface RequestContext {
  readonly info: RequestInfo;
  readonly url: URL;
  /** The URL's path in the one form that is compared and forwarded (`paths.ts`). */
  readonly path: string;
  readonly arrivedMs: number;
  /** `x-request-id`: the client's, or ours. */
  readonly id: string;
  /** Undefined: it is not traced. */
  readonly trace: RequestTrace | undefined;
  /** The client's key; undefined if the gateway asks for none. */
  key: KeySpec | undefined;
  /** The model's name in the configuration, `""` until it is resolved: bounded, fit for a label. */
  model: string;
  /** The code of the error that the gateway itself answered with, in the stream or as the answer. */
  code: string | undefined;
  /** How long the request waited for its model to start, in ms. */
  coldStartMs: number | undefined;
  /**
   * Holds `thing` until the response is complete, whatever becomes of it: the one place where permits
   * and bodies are given back. What comes later is given back at once.
   */
  keep(thing: Disposable): void;
  /** The request goes on until `ended`, whenever its response is complete. */
  last(ended: Promise<void>): void;
}

export type Handle = (
  request: ServerRequest,
  context: RequestContext,
) => HttpResponse | Promise<HttpResponse>;

export type Layer = (
  request: ServerRequest,
  context: RequestContext,
  next: Handle,
) => HttpResponse | Promise<HttpResponse>;

/** One handler out of `layers`, the first outermost, and what stands `last`. */
export function foldLayers(layers: readonly Layer[], last: Handle): Handle {
  return layers.reduceRight<Handle>(
    (next, layer) => (request, context) => layer(request, context, next),
    last,
  );
}
