/**
 * Finds the top-level `model` and `stream` in the bytes of a JSON body without decoding or parsing it:
 * long strings, such as an image, are passed over with `indexOf`. It sees what it must to find
 * these two for certain; whether the rest is good JSON is the upstream's to say, and `checkJson`'s.
 */
import type { RequestFields } from "./fields.ts";
import { RequestError } from "./request_error.ts";

const QUOTE = 0x22, BACKSLASH = 0x5c, COLON = 0x3a, COMMA = 0x2c;
const OPEN_OBJECT = 0x7b, CLOSE_OBJECT = 0x7d, OPEN_ARRAY = 0x5b, CLOSE_ARRAY = 0x5d;

const MODEL = new TextEncoder().encode("model");
const STREAM = new TextEncoder().encode("stream");
/** A key with escapes that comes to `model` or `stream` is not longer: six bytes for each letter. */
const ESCAPED_KEY_MAX = 6 * STREAM.length;
/** So far into a string a plain loop is quicker than a call of `indexOf`. */
const NEAR = 128;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** One character a byte. */
const latin1 = new TextDecoder("latin1");

/** @throws RequestError `invalid_json` */
export function scanJson(bytes: Uint8Array): RequestFields {
  let at = skipSpace(bytes, 0);
  if (bytes[at] !== OPEN_OBJECT) throw invalid("it is not a JSON object");
  at = skipSpace(bytes, at + 1);
  let model: Found | undefined;
  let stream: Found | undefined;
  for (let first = true; bytes[at] !== CLOSE_OBJECT; first = false) {
    if (!first) at = skipSpace(bytes, expect(bytes, at, COMMA));
    expect(bytes, at, QUOTE);
    const keyEnd = endOfString(bytes, at);
    const key = keyOf(bytes, at + 1, keyEnd - 1);
    const start = skipSpace(bytes, expect(bytes, skipSpace(bytes, keyEnd), COLON));
    const end = endOfValue(bytes, start);
    if (key === "model") model = once("model", model, readModel(bytes, start, end));
    if (key === "stream") {
      stream = once("stream", stream, { value: textOf(bytes, start, end), start, end });
    }
    at = skipSpace(bytes, end);
  }
  if (skipSpace(bytes, at + 1) !== bytes.length) throw invalid("something follows the object");
  const fields = { model: model?.value || undefined, stream: stream?.value === "true" };
  return model && fields.model
    ? { ...fields, modelToken: { start: model.start, end: model.end } }
    : fields;
}

interface Found {
  /** A model's name or null, or another value's text. */
  readonly value: string | null;
  readonly start: number;
  readonly end: number;
}

/** The value of a key that came once, or again with the same value: which of two counts is a guess. */
function once(key: string, before: Found | undefined, now: Found): Found {
  if (before && before.value !== now.value) {
    throw invalid(`'${key}' stands in it twice, with different values`);
  }
  // The last one is the one that parsers take.
  return now;
}

function readModel(bytes: Uint8Array, start: number, end: number): Found {
  if (bytes[start] !== QUOTE) {
    if (textOf(bytes, start, end) === "null") return { value: null, start, end };
    throw new RequestError("invalid_json", "'model' must be a string", { param: "model" });
  }
  return { value: unquote(bytes, start, end), start, end };
}

/** `model`, `stream`, or undefined for any other key. */
function keyOf(bytes: Uint8Array, start: number, end: number): "model" | "stream" | undefined {
  const length = end - start;
  if (length === MODEL.length && startsWith(bytes, start, MODEL)) return "model";
  if (length === STREAM.length && startsWith(bytes, start, STREAM)) return "stream";
  if (length <= MODEL.length || length > ESCAPED_KEY_MAX) return undefined;
  if (!bytes.subarray(start, end).includes(BACKSLASH)) return undefined;
  const key = unquote(bytes, start - 1, end + 1);
  return key === "model" || key === "stream" ? key : undefined;
}

function startsWith(bytes: Uint8Array, start: number, word: Uint8Array): boolean {
  for (let i = 0; i < word.length; i++) if (bytes[start + i] !== word[i]) return false;
  return true;
}

function unquote(bytes: Uint8Array, start: number, end: number): string {
  try {
    return JSON.parse(utf8.decode(bytes.subarray(start, end)));
  } catch {
    throw invalid("a string in it is malformed");
  }
}

function textOf(bytes: Uint8Array, start: number, end: number): string {
  return latin1.decode(bytes.subarray(start, end));
}

/** Where the value that begins at `at` ends; brackets are counted, not matched by kind. */
function endOfValue(bytes: Uint8Array, at: number): number {
  switch (bytes[at]) {
    case QUOTE:
      return endOfString(bytes, at);
    case OPEN_OBJECT:
    case OPEN_ARRAY:
      return endOfNested(bytes, at);
    default:
      return endOfScalar(bytes, at);
  }
}

function endOfNested(bytes: Uint8Array, at: number): number {
  let depth = 0;
  for (let i = at; i < bytes.length;) {
    switch (bytes[i]) {
      case QUOTE:
        i = endOfString(bytes, i);
        continue;
      case OPEN_OBJECT:
      case OPEN_ARRAY:
        depth++;
        break;
      case CLOSE_OBJECT:
      case CLOSE_ARRAY:
        if (--depth === 0) return i + 1;
    }
    i++;
  }
  throw invalid("it ends too early");
}

/** A number or a word: up to what can follow a value. */
function endOfScalar(bytes: Uint8Array, at: number): number {
  let end = at;
  for (; end < bytes.length; end++) {
    const byte = bytes[end]!;
    if (byte === COMMA || byte === CLOSE_OBJECT || byte <= 0x20) break;
    if (byte === QUOTE || byte === COLON || byte === OPEN_OBJECT || byte === OPEN_ARRAY) break;
  }
  if (end === at) throw invalid("a value is missing");
  return end;
}

/** The index behind the closing quote of the string that begins at `at`. */
function endOfString(bytes: Uint8Array, at: number): number {
  for (let i = at + 1;;) {
    const near = Math.min(i + NEAR, bytes.length);
    for (; i < near; i++) {
      if (bytes[i] === QUOTE) return i + 1;
      if (bytes[i] === BACKSLASH) i++;
    }
    const quote = bytes.indexOf(QUOTE, i);
    if (quote < 0) throw invalid("it ends within a string");
    let backslashes = 0;
    while (backslashes < quote - i && bytes[quote - 1 - backslashes] === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return quote + 1;
    i = quote + 1;
  }
}

function expect(bytes: Uint8Array, at: number, byte: number): number {
  if (bytes[at] === byte) return at + 1;
  throw invalid(
    at >= bytes.length ? "it ends too early" : `a '${String.fromCharCode(byte)}' is missing`,
  );
}

function skipSpace(bytes: Uint8Array, at: number): number {
  while (bytes[at] === 0x20 || bytes[at] === 0x0a || bytes[at] === 0x0d || bytes[at] === 0x09) at++;
  return at;
}

function invalid(why: string): RequestError {
  return new RequestError("invalid_json", `The body cannot be read as JSON: ${why}`);
}
