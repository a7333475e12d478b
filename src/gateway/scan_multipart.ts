/**
 * Finds the fields `model` and `stream` in a multipart form, before or behind a file of any size, and
 * without looking into the file.
 */
import type { RequestFields } from "./fields.ts";
import { RequestError } from "./request_error.ts";

const CR = 0x0d, LF = 0x0a, DASH = 0x2d;
const HEAD_END = new TextEncoder().encode("\r\n\r\n");
/** The head of a part is a line or three. */
const HEAD_MAX = 16 * 1024;
/** A model's name, or a truth value. */
const FIELD_MAX = 4 * 1024;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The boundary that `contentType` names. @throws RequestError `unsupported_media_type` */
export function boundaryOf(contentType: string): string {
  const [, quoted, plain] = /;\s*boundary=(?:"([^"]+)"|([^\s;"]+))/i.exec(contentType) ?? [];
  const boundary = quoted ?? plain;
  if (boundary && /^[\x20-\x7e]{1,70}$/.test(boundary)) return boundary;
  throw new RequestError(
    "unsupported_media_type",
    "The content type multipart/form-data must name its boundary, of 1 to 70 characters",
  );
}

/** @throws RequestError `invalid_json` if a field that matters is malformed or contradicts itself */
export function scanMultipart(bytes: Uint8Array, boundary: string): RequestFields {
  return walk(bytes, boundary).fields;
}

/** Checks the frame of the form from its first boundary to its last. @throws RequestError */
export function checkMultipart(bytes: Uint8Array, boundary: string): void {
  if (!walk(bytes, boundary).complete) throw invalid("its last boundary is missing");
}

interface Walk {
  readonly fields: RequestFields;
  /** The closing boundary was there. */
  readonly complete: boolean;
}

function walk(bytes: Uint8Array, boundary: string): Walk {
  const delimiter = new TextEncoder().encode(`\r\n--${boundary}`);
  let model: { value: string; start: number; end: number } | undefined;
  let stream: string | undefined;
  const fields = (): RequestFields => ({
    model: model?.value || undefined,
    stream: stream !== undefined && /^(true|1|yes|on)$/i.test(stream),
    ...(model?.value ? { modelToken: { start: model.start, end: model.end } } : {}),
  });
  // The first boundary may stand at the very start, without the line break before it.
  let at = indexOf(bytes, delimiter.subarray(2), 0) === 0
    ? delimiter.length - 2
    : after(indexOf(bytes, delimiter, 0), delimiter.length);
  while (at >= 0) {
    if (bytes[at] === DASH && bytes[at + 1] === DASH) return { fields: fields(), complete: true };
    const lineEnd = endOfPadding(bytes, at);
    const headEnd = indexOf(bytes, HEAD_END, lineEnd - 2, lineEnd + HEAD_MAX);
    if (headEnd < 0) break;
    const start = headEnd + HEAD_END.length;
    // A part without content: its delimiter begins with the line break that ends its head.
    const end = indexOf(bytes, delimiter, start - 2);
    if (end < 0) break;
    const name = fieldName(bytes.subarray(lineEnd, headEnd));
    if (name === "model" || name === "stream") {
      const value = valueOf(bytes, start, Math.max(start, end), name);
      if (name === "stream") stream = same(name, stream, value);
      else model = { value: same(name, model?.value, value), start, end: Math.max(start, end) };
    }
    at = end + delimiter.length;
  }
  return { fields: fields(), complete: false };
}

function after(at: number, length: number): number {
  return at < 0 ? -1 : at + length;
}

/** Behind a boundary: blanks, then a line break. */
function endOfPadding(bytes: Uint8Array, at: number): number {
  while (bytes[at] === 0x20 || bytes[at] === 0x09) at++;
  if (bytes[at] === CR && bytes[at + 1] === LF) return at + 2;
  throw invalid("a line does not end behind its boundary");
}

/** The name of a plain field; undefined for a file, and for what is no form field. */
function fieldName(head: Uint8Array): string | undefined {
  const text = new TextDecoder().decode(head);
  const [, disposition] = /^content-disposition:[ \t]*form-data(;[^\r\n]*)/im.exec(text) ?? [];
  if (!disposition || /;\s*filename\*?=/i.test(disposition)) return undefined;
  const [, quoted, plain] = /;\s*name=(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))/i.exec(disposition) ?? [];
  return quoted ?? plain;
}

function valueOf(bytes: Uint8Array, start: number, end: number, name: string): string {
  if (end - start > FIELD_MAX) throw invalid(`its field '${name}' is too long`);
  try {
    return decoder.decode(bytes.subarray(start, end));
  } catch {
    throw invalid(`its field '${name}' is not UTF-8`);
  }
}

function same(name: string, before: string | undefined, now: string): string {
  if (before === undefined || before === now) return now;
  throw invalid(`'${name}' stands in it twice, with different values`);
}

/** Where `needle` stands in `bytes` between `from` and `to`, or -1. */
function indexOf(
  bytes: Uint8Array,
  needle: Uint8Array,
  from: number,
  to = bytes.length,
): number {
  const last = Math.min(to, bytes.length) - needle.length;
  for (let at = bytes.indexOf(needle[0]!, from); at >= 0 && at <= last;) {
    let i = 1;
    while (i < needle.length && bytes[at + i] === needle[i]) i++;
    if (i === needle.length) return at;
    at = bytes.indexOf(needle[0]!, at + 1);
  }
  return -1;
}

function invalid(why: string): RequestError {
  return new RequestError("invalid_json", `The form cannot be read: ${why}`);
}
