/**
 * Finds the fields `model` and `stream` in a multipart form, before or behind a file of any size, and
 * without looking into the file.
 */
import type { RequestFields } from "./fields.ts";
import { RequestError } from "./request_error.ts";

const CR = 0x0d, LF = 0x0a, DASH = 0x2d, SPACE = 0x20, TAB = 0x09;
/** The head of a part is a line or three. */
const HEAD_MAX = 16 * 1024;
/** A model's name, or a truth value. */
const FIELD_MAX = 4 * 1024;
/** What Starlette takes, vLLM's framework: 1000 fields and 1000 files. */
const PARTS_MAX = 2000;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** One character a byte. */
const latin1 = new TextDecoder("latin1");

/** The boundary that `contentType` names. @throws RequestError `unsupported_media_type` */
export function boundaryOf(contentType: string): string {
  const parameters = parametersOf(contentType);
  const boundary = parameters?.get("boundary") ?? "";
  // Starlette reads the fields in it, their names too: it would find a `model` in other letters.
  if (!/^utf-?8$/i.test(parameters?.get("charset") ?? "utf-8")) {
    throw new RequestError("unsupported_media_type", "The charset of a form must be utf-8");
  }
  if (/^[\x20-\x7e]{0,69}[\x21-\x7e]$/.test(boundary)) return boundary;
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

interface Field {
  readonly value: string;
  readonly start: number;
  readonly end: number;
}

function walk(bytes: Uint8Array, boundary: string): Walk {
  const delimiter = new TextEncoder().encode(`\r\n--${boundary}`);
  const findDelimiter = createFinder(delimiter);
  const found: { model?: Field; stream?: Field } = {};
  const result = (complete: boolean): Walk => ({ fields: fieldsOf(found), complete });

  // Nothing but line breaks stands before the first boundary: where another text ends is a guess.
  let end = -2;
  while (bytes[end + 2] === CR || bytes[end + 2] === LF) end++;
  if (!startsWith(bytes, end + 2, delimiter.subarray(2))) {
    throw invalid("it does not begin with its boundary");
  }
  for (let parts = 0; parts <= PARTS_MAX; parts++) {
    const at = end + delimiter.length;
    if (bytes[at] === DASH && bytes[at + 1] === DASH) return result(true);
    // A part begins with the line break behind its boundary, and its end may be that same one.
    const start = skipPadding(bytes, at);
    end = findDelimiter(bytes, start, bytes.length);
    if (end === -1) return result(false);
    const field = readField(bytes, start, end);
    if (field) found[field.name] = same(field.name, found[field.name], field);
  }
  throw invalid(`it has more than ${PARTS_MAX} parts`);
}

function fieldsOf({ model, stream }: { model?: Field; stream?: Field }): RequestFields {
  return {
    model: model?.value || undefined,
    stream: /^(true|1|yes|on)$/i.test(stream?.value ?? ""),
    ...(model?.value ? { modelToken: { start: model.start, end: model.end } } : {}),
  };
}

/** The line break behind a boundary; blanks may stand before it. */
function skipPadding(bytes: Uint8Array, at: number): number {
  while (bytes[at] === SPACE || bytes[at] === TAB) at++;
  if (bytes[at] === CR && bytes[at + 1] === LF) return at;
  throw invalid("a line does not end behind its boundary");
}

const findHeadEnd = createFinder(new TextEncoder().encode("\r\n\r\n"));

/** The field in the part from `start` to `end` if it is one that matters. */
function readField(
  bytes: Uint8Array,
  start: number,
  end: number,
): (Field & { name: "model" | "stream" }) | undefined {
  // Behind the blank line comes at least a line break: to some, a boundary right there is content.
  const headEnd = findHeadEnd(bytes, start, end);
  if (headEnd === -1) throw invalid("the head of a part does not end with a blank line");
  if (headEnd - start > HEAD_MAX) throw invalid("the head of a part is too long");
  const name = fieldName(latin1.decode(bytes.subarray(start, headEnd)));
  if (name !== "model" && name !== "stream") return undefined;
  const content = { start: headEnd + 4, end };
  return { name, value: valueOf(bytes, content.start, content.end, name), ...content };
}

/** The name of a plain field; undefined for a file. */
function fieldName(head: string): string | undefined {
  const [line, another] = head.match(/^content-disposition[ \t]*:.*$/gim) ?? [];
  if (line === undefined) return undefined;
  const parameters = parametersOf(line);
  if (!parameters || another !== undefined) {
    throw invalid("the Content-Disposition of a part is malformed (a quote in a name is %22)");
  }
  // Starlette neither asks for the word nor takes a part for a file because of a `filename*`.
  if (!/^[^:]*:[ \t]*form-data[ \t]*(?:;|$)/i.test(line)) {
    throw invalid("the Content-Disposition of a part is not form-data");
  }
  return parameters.has("filename") ? undefined : parameters.get("name");
}

/**
 * The parameters of a header, their names in lower case; undefined if it can be read in more than one
 * way: the gateway and the engine must not see two different forms.
 */
function parametersOf(header: string): Map<string, string> | undefined {
  const parameter = /;[ \t]*(?:([^\s=;"]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))[ \t]*)?/y;
  const found = new Map<string, string>();
  parameter.lastIndex = /^[^;"]*/.exec(header)![0].length;
  while (parameter.lastIndex < header.length) {
    const match = parameter.exec(header);
    if (!match) return undefined;
    const [, spelled, quoted, plain] = match;
    // Nothing between two semicolons.
    if (spelled === undefined) continue;
    const name = spelled.toLowerCase();
    if (found.has(name) || (name.includes("*") && name !== "filename*")) return undefined;
    found.set(name, quoted?.replace(/\\(.)/g, "$1") ?? plain!);
  }
  return found;
}

function valueOf(bytes: Uint8Array, start: number, end: number, name: string): string {
  if (end - start > FIELD_MAX) throw invalid(`its field '${name}' is too long`);
  try {
    return utf8.decode(bytes.subarray(start, end));
  } catch {
    throw invalid(`its field '${name}' is not UTF-8`);
  }
}

function same(name: string, before: Field | undefined, now: Field): Field {
  if (!before || before.value === now.value) return now;
  throw invalid(`'${name}' stands in it twice, with different values`);
}

/**
 * Where `needle` stands between two places, or -1. It steps by what the byte says that its end would
 * fall on (Horspool), so that of a file few bytes are read; and since a needle's first byte, CR,
 * stands nowhere else in a boundary, no content makes it read one more than twice.
 */
function createFinder(needle: Uint8Array) {
  const last = needle.length - 1;
  const steps = new Uint8Array(256).fill(needle.length);
  for (let i = 0; i < last; i++) steps[needle[i]!] = last - i;
  return (bytes: Uint8Array, from: number, to: number): number => {
    for (let at = from; at + last < to; at += steps[bytes[at + last]!]!) {
      if (startsWith(bytes, at, needle)) return at;
    }
    return -1;
  };
}

function startsWith(bytes: Uint8Array, at: number, needle: Uint8Array): boolean {
  for (let i = 0; i < needle.length; i++) if (bytes[at + i] !== needle[i]) return false;
  return true;
}

function invalid(why: string): RequestError {
  return new RequestError("invalid_json", `The form cannot be read: ${why}`);
}
