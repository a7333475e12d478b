/** The body of a request: read once, looked through for what decides where it goes, checked on demand. */
import type { HttpHeaders } from "../platform/http_headers.ts";
import type { Clock } from "../platform/clock.ts";
import type { ServerSpec } from "../config/spec.ts";
import type { ServerRequest } from "../platform/http_messages.ts";
import { type HeldBody, readBody } from "./body.ts";
import type { ByteBudget } from "./budget.ts";
import { checkJson } from "./check_json.ts";
import { renameModel, type RequestFields } from "./fields.ts";
import { RequestError } from "./request_error.ts";
import { scanJson } from "./scan_json.ts";
import { boundaryOf, checkMultipart, scanMultipart } from "./scan_multipart.ts";

export interface RequestBody extends Disposable {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly fields: RequestFields;
  /** Checks the whole of it, once. @throws RequestError */
  validate(): void;
  /** Its bytes with another model name in them. */
  renamed(name: string): Uint8Array<ArrayBuffer>;
}

export interface RequestBodyTools {
  readonly clock: Clock;
  readonly budget: ByteBudget;
}

/** @throws RequestError if it is of a kind that no engine reads, too large, too slow, or malformed */
export async function takeBody(
  request: ServerRequest,
  { bodyMax, bodyTimeoutMs }: ServerSpec,
  tools: RequestBodyTools,
): Promise<RequestBody> {
  const format = formatOf(request.headers);
  const held = await readWhole(request, {
    ...{ max: bodyMax, timeoutMs: bodyTimeoutMs, clock: tools.clock, budget: tools.budget },
  });
  const { bytes } = held;
  try {
    const fields = format.scan(bytes);
    let validated = false;
    return {
      ...{ bytes, fields },
      validate() {
        if (!validated) format.check(bytes);
        validated = true;
      },
      renamed: (name) => renameModel(bytes, fields, name, format.name),
      [Symbol.dispose]: () => held[Symbol.dispose](),
    };
  } catch (error) {
    held[Symbol.dispose]();
    throw error;
  }
}

interface Format {
  readonly name: "json" | "multipart";
  scan(bytes: Uint8Array<ArrayBuffer>): RequestFields;
  check(bytes: Uint8Array<ArrayBuffer>): void;
}

const JSON_FORMAT: Format = { name: "json", scan: scanJson, check: checkJson };

function formatOf(headers: HttpHeaders): Format {
  const coding = headers.get("content-encoding") ?? "identity";
  if (coding.toLowerCase() !== "identity") {
    throw new RequestError(
      "unsupported_media_type",
      `The content-encoding '${coding}' is not supported: send the body as it is`,
    );
  }
  const type = headers.get("content-type") ?? "";
  const [essence = ""] = type.split(";", 1);
  if (/^application\/(?:[\w.+-]+\+)?json$/i.test(essence.trim())) return JSON_FORMAT;
  if (/^multipart\/form-data$/i.test(essence.trim())) {
    const boundary = boundaryOf(type);
    return {
      name: "multipart",
      scan: (bytes) => scanMultipart(bytes, boundary),
      check: (bytes) => checkMultipart(bytes, boundary),
    };
  }
  throw new RequestError(
    "unsupported_media_type",
    `The content type '${type}' is not supported: use application/json or multipart/form-data`,
  );
}

async function readWhole(
  request: ServerRequest,
  options: Parameters<typeof readBody>[1],
): Promise<HeldBody> {
  try {
    return await readBody(request, options);
  } catch (error) {
    if (error instanceof RequestError) throw error;
    // The platform's words for a client that left, or whose framing is broken.
    throw new RequestError("invalid_json", "The request's body broke off before its end");
  }
}
