/**
 * Checks that bytes are one JSON object, without making a value of it: 60 MiB of nested brackets took
 * `JSON.parse` nine seconds and two gigabytes, and whoever may send a body may send that one.
 */
import { RequestError } from "./request_error.ts";

const QUOTE = 0x22, BACKSLASH = 0x5c, COLON = 0x3a, COMMA = 0x2c, MINUS = 0x2d, PLUS = 0x2b;
const OPEN_OBJECT = 0x7b, CLOSE_OBJECT = 0x7d, OPEN_ARRAY = 0x5b, CLOSE_ARRAY = 0x5d;
const ZERO = 0x30, NINE = 0x39, DOT = 0x2e, SMALL_E = 0x65, SMALL_U = 0x75, CASE = 0x20;

/** Engines give up sooner: pydantic's parser at 200, Python's own at its recursion limit. */
const DEPTH_MAX = 10_000;
/** What is checked for being UTF-8 is decoded in pieces and not kept. */
const PIECE = 64 * 1024;

const WORDS = ["true", "false", "null"].map((word) => new TextEncoder().encode(word));
const ESCAPES = new Set(new TextEncoder().encode('"\\/bfnrtu'));

/**
 * For what would wake or wait; what goes on to a model that is up is the upstream's to refuse.
 * @throws RequestError `invalid_json`
 */
export function checkJson(bytes: Uint8Array<ArrayBuffer>): void {
  checkUtf8(bytes);
  let at = skipSpace(bytes, 0);
  if (bytes[at] !== OPEN_OBJECT) throw invalid("it is not a JSON object");
  /** The brackets that must still be closed, innermost last. */
  const closers: number[] = [];
  while (true) {
    const opens = bytes[at] === OPEN_OBJECT || bytes[at] === OPEN_ARRAY;
    if (opens) {
      closers.push(bytes[at] === OPEN_OBJECT ? CLOSE_OBJECT : CLOSE_ARRAY);
      if (closers.length > DEPTH_MAX) throw invalid(`it is nested deeper than ${DEPTH_MAX} levels`);
      at = skipSpace(bytes, at + 1);
    } else at = skipSpace(bytes, endOfScalar(bytes, at));
    // Only an empty object or array is closed right behind its bracket.
    let first = opens;
    while (closers.length > 0 && bytes[at] === closers[closers.length - 1]) {
      closers.pop();
      at = skipSpace(bytes, at + 1);
      first = false;
    }
    if (closers.length === 0) break;
    if (!first) at = skipSpace(bytes, expect(bytes, at, COMMA));
    if (closers[closers.length - 1] === CLOSE_OBJECT) at = startOfMember(bytes, at);
  }
  if (at < bytes.length) throw invalid(`something follows the object at byte ${at}`);
}

function checkUtf8(bytes: Uint8Array<ArrayBuffer>): void {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  try {
    for (let at = 0; at < bytes.length; at += PIECE) {
      decoder.decode(bytes.subarray(at, at + PIECE), { stream: true });
    }
    decoder.decode();
  } catch {
    throw invalid("it is not UTF-8");
  }
}

/** From the key at `at` to its value. */
function startOfMember(bytes: Uint8Array, at: number): number {
  if (bytes[at] !== QUOTE) throw unexpected(bytes, at);
  const keyEnd = skipSpace(bytes, endOfString(bytes, at));
  return skipSpace(bytes, expect(bytes, keyEnd, COLON));
}

function endOfScalar(bytes: Uint8Array, at: number): number {
  const byte = bytes[at]!;
  if (byte === QUOTE) return endOfString(bytes, at);
  if (byte <= NINE) return endOfNumber(bytes, at);
  const word = WORDS.find(([letter]) => letter === byte);
  if (!word) throw unexpected(bytes, at);
  word.forEach((letter, i) => expect(bytes, at + i, letter));
  return at + word.length;
}

function endOfString(bytes: Uint8Array, start: number): number {
  for (let at = start + 1; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (byte === QUOTE) return at + 1;
    if (byte < 0x20) throw unexpected(bytes, at);
    if (byte !== BACKSLASH) continue;
    const escape = bytes[++at] ?? 0;
    if (!ESCAPES.has(escape)) throw unexpected(bytes, at);
    if (escape !== SMALL_U) continue;
    for (let digit = 0; digit < 4; digit++) if (!isHex(bytes[++at])) throw unexpected(bytes, at);
  }
  throw invalid("it ends within a string");
}

function endOfNumber(bytes: Uint8Array, start: number): number {
  let at = bytes[start] === MINUS ? start + 1 : start;
  at = bytes[at] === ZERO ? at + 1 : endOfDigits(bytes, at);
  if (bytes[at] === DOT) at = endOfDigits(bytes, at + 1);
  if (((bytes[at] ?? 0) | CASE) === SMALL_E) {
    at++;
    at = endOfDigits(bytes, bytes[at] === MINUS || bytes[at] === PLUS ? at + 1 : at);
  }
  return at;
}

/** At least one. */
function endOfDigits(bytes: Uint8Array, start: number): number {
  let at = start;
  while (bytes[at]! >= ZERO && bytes[at]! <= NINE) at++;
  if (at === start) throw unexpected(bytes, at);
  return at;
}

function isHex(byte = 0): boolean {
  const letter = byte | CASE;
  return (byte >= ZERO && byte <= NINE) || (letter >= 0x61 && letter <= 0x66);
}

function expect(bytes: Uint8Array, at: number, byte: number): number {
  if (bytes[at] !== byte) throw unexpected(bytes, at);
  return at + 1;
}

function skipSpace(bytes: Uint8Array, at: number): number {
  while (bytes[at] === 0x20 || bytes[at] === 0x0a || bytes[at] === 0x0d || bytes[at] === 0x09) at++;
  return at;
}

function unexpected(bytes: Uint8Array, at: number): RequestError {
  if (at >= bytes.length) return invalid("it ends too early");
  const byte = bytes[at]!;
  const shown = byte > 0x20 && byte < 0x7f
    ? `'${String.fromCharCode(byte)}'`
    : `0x${byte.toString(16).padStart(2, "0")}`;
  return invalid(`${shown} cannot stand at byte ${at}`);
}

function invalid(why: string): RequestError {
  return new RequestError("invalid_json", `The body cannot be read as JSON: ${why}`);
}
