/**
 * The heads of HTTP/1.1 messages (RFC 9112), read and written. What is read is read strictly: what two parsers could take
 * for two things is refused, since whoever stands in front of us may take it for the other one.
 */
import { type HeaderList, joined } from "./http_headers.ts";

/** Longer heads are refused; nginx and Node stop at 32 and 16 KiB. */
export const HEAD_BYTES_MAX = 64 * 1024;

const CR = 0x0d, LF = 0x0a;

export interface RequestHead {
  readonly method: string;
  /** As sent: a path, an absolute URL, `*`, or the authority of a CONNECT. */
  readonly target: string;
  readonly minor: 0 | 1;
  readonly fields: HeaderList;
}

export interface ResponseHead {
  readonly status: number;
  readonly minor: 0 | 1;
  readonly fields: HeaderList;
}

/** How the end of a body is found (RFC 9112 section 6.3). */
export type Framing = { readonly kind: "length"; readonly length: number } | {
  readonly kind: "chunked" | "until close";
};

/** The end of the head that `bytes` begin with, behind its empty line; -1 if it is not whole; `from`: nothing before it ends. */
export function headEnd(bytes: Uint8Array, from = 0): number {
  const start = Math.max(0, from - 3);
  for (let at = bytes.indexOf(LF, start); at >= 0; at = bytes.indexOf(LF, at + 1)) {
    if (at >= 3 && bytes[at - 1] === CR && bytes[at - 2] === LF && bytes[at - 3] === CR) {
      return at + 1;
    }
  }
  return -1;
}

const REQUEST_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([!-~]+) HTTP\/1\.([01])\r\n/;
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?\r\n/;
/** A name, no space before its colon, no folded line. */
const FIELD = /([!#$%&'*+\-.^_`|~0-9A-Za-z]+):([\t\x20-\x7e\x80-\xff]*)\r\n/y;

/** Undefined if it is none; `bytes` end with its empty line. */
export function parseRequestHead(bytes: Uint8Array): RequestHead | undefined {
  const text = textOf(bytes);
  const line = REQUEST_LINE.exec(text);
  const fields = line && fieldsOf(text, line[0].length);
  if (!fields) return undefined;
  return { method: line[1]!, target: line[2]!, minor: line[3] === "1" ? 1 : 0, fields };
}

/** Undefined if it is none; `bytes` end with its empty line. */
export function parseResponseHead(bytes: Uint8Array): ResponseHead | undefined {
  const text = textOf(bytes);
  const line = STATUS_LINE.exec(text);
  const fields = line && fieldsOf(text, line[0].length);
  if (!fields) return undefined;
  return { status: Number(line[2]), minor: line[1] === "1" ? 1 : 0, fields };
}

function fieldsOf(text: string, from: number): HeaderList | undefined {
  const fields: HeaderList = [];
  const last = text.length - 2;
  FIELD.lastIndex = from;
  for (let at = from; at < last; at = FIELD.lastIndex) {
    const field = FIELD.exec(text);
    if (!field) return undefined;
    fields.push([field[1]!.toLowerCase(), trimmed(field[2]!)]);
  }
  return fields;
}

/** Without the white space of HTTP at its ends; JavaScript knows more kinds. */
function trimmed(value: string): string {
  let start = 0, end = value.length;
  while (start < end && isBlank(value.charCodeAt(start))) start++;
  while (end > start && isBlank(value.charCodeAt(end - 1))) end--;
  return value.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/** Undefined if it cannot be told, or could be told in two ways. */
export function framingOf(fields: HeaderList, minor: 0 | 1): Framing | "none" | undefined {
  const coding = joined(fields, "transfer-encoding");
  const length = joined(fields, "content-length");
  if (coding !== undefined) {
    // Another coding would have to be undone, and whoever stands in front may see an end where we see none.
    const isChunked = minor === 1 && length === undefined && coding.toLowerCase() === "chunked";
    return isChunked ? { kind: "chunked" } : undefined;
  }
  if (length === undefined) return "none";
  return /^\d{1,15}$/.test(length) ? { kind: "length", length: Number(length) } : undefined;
}

/** Of a response (RFC 9112 section 6.3); undefined as for `framingOf`. */
export function responseFraming(
  method: string,
  { status, fields, minor }: ResponseHead,
): Framing | undefined {
  if (method === "HEAD" || status < 200 || status === 204 || status === 304) {
    return { kind: "length", length: 0 };
  }
  const framing = framingOf(fields, minor);
  return framing === "none" ? { kind: "until close" } : framing;
}

/** True if the connection ends with this message. */
export function isLast(fields: HeaderList, minor: 0 | 1): boolean {
  const connection = joined(fields, "connection");
  if (connection === undefined) return minor === 0;
  return minor === 0 || /(?:^|[, \t])close(?:$|[, \t])/i.test(connection);
}

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** One character a byte. */
function textOf(bytes: Uint8Array): string {
  const text = decoder.decode(bytes);
  // Of nothing but ASCII, as nearly all are, UTF-8 makes the same, and in no time.
  if (text.length === bytes.length && !text.includes("\ufffd")) return text;
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}

const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** `line` without its end, and what follows it. @throws TypeError if a value is none, or would end its line */
export function headText(line: string, fields: Iterable<readonly [string, string]>): string {
  let text = `${line}\r\n`;
  for (const [name, value] of fields) {
    if (!VALUE.test(value)) throw new TypeError(`The header ${name} cannot be sent as it is`);
    text += `${name}: ${value}\r\n`;
  }
  return `${text}\r\n`;
}

/** Puts `text`, one byte a character, at `at` of `into`, where there is room for three bytes a character; its length. */
export function writeText(text: string, into: Uint8Array, at: number): number {
  const { written } = encoder.encodeInto(text, into.subarray(at));
  if (written === text.length) return written;
  for (let i = 0; i < text.length; i++) into[at + i] = text.charCodeAt(i);
  return text.length;
}
