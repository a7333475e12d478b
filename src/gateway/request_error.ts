/**
 * Why the gateway itself refuses or fails a request: a closed set of codes. `rescue.ts` gives each its
 * status, type and headers.
 */

export type RequestErrorCode =
  | "invalid_json"
  | "missing_required_parameter"
  | "model_not_found"
  | "unsupported_media_type"
  | "request_too_large"
  | "request_timeout"
  | "invalid_api_key"
  | "model_not_allowed"
  | "rate_limit_exceeded"
  | "upgrade_required"
  | "not_found"
  | "method_not_allowed"
  | "model_asleep"
  | "overloaded"
  | "upstream_unreachable"
  | "upstream_timeout"
  | "draining";

export class RequestError extends Error {
  constructor(
    readonly code: RequestErrorCode,
    /** A sentence for the client that says what to do. */
    message: string,
    readonly options: {
      /** The field at fault, e.g. `model`. */
      readonly param?: string;
      /** For `method_not_allowed`: the `Allow` header. */
      readonly allow?: string;
    } = {},
  ) {
    super(message);
    this.name = "RequestError";
  }
}
