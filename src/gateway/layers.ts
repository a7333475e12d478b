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

export interface Layer {
  /** Answers the request, or leaves it to the next layer. What it throws becomes an answer. */
  enter?(
    request: ServerRequest,
    context: RequestContext,
  ): HttpResponse | undefined | Promise<HttpResponse | undefined>;
  /** What every answer gets on its way out, whichever layer it comes from. */
  leave?(
    response: HttpResponse,
    request: ServerRequest,
    context: RequestContext,
  ): HttpResponse | Promise<HttpResponse>;
}

/** The answer to what was thrown. */
export type Rescue = (
  error: unknown,
  request: ServerRequest,
  context: RequestContext,
) => HttpResponse;

/**
 * One handler out of `layers`, the first outermost, and what stands `last`. One `async` function for all of them: a request
 * that waits holds on to each that it waits in, about half a KB.
 */
export function foldLayers(layers: readonly Layer[], last: Handle, rescue: Rescue): Handle {
  const entered = layers.filter((layer) => layer.enter);
  const left = layers.filter((layer) => layer.leave).reverse();
  return async (request, context) => {
    let response: HttpResponse | undefined;
    try {
      for (const layer of entered) {
        const answer = layer.enter!(request, context);
        response = answer instanceof Promise ? await answer : answer;
        if (response) break;
      }
      response ??= await last(request, context);
    } catch (error) {
      response = rescue(error, request, context);
    }
    for (const layer of left) {
      const answer = layer.leave!(response, request, context);
      response = answer instanceof Promise ? await answer : answer;
    }
    return response;
  };
}
