/** Writes an answer onto its connection: head, framing, body, as fast as the client takes it. */
import type { HttpBody } from "./http_body.ts";
import type { Connection } from "./http_connection.ts";
import { headText, writeText } from "./http_head.ts";
import type { HeaderList, HttpHeaders } from "./http_headers.ts";
import { statusLine } from "./http_messages.ts";
import { giveSpace, takeSpace } from "./http_space.ts";

export interface Answer {
  readonly status: number;
  readonly headers: HttpHeaders;
  readonly body: HttpBody | null;
}

export interface AnswerOptions {
  /** Of the request. */
  readonly method: string;
  readonly minor: 0 | 1;
  /** The connection ends with it. */
  readonly isLast: boolean;
}

const DIGITS = "0123456789abcdef", CR = 0x0d, LF = 0x0a;

/** Room for a chunk's size and the ends of line around it. */
const CHUNK_OVERHEAD = 16;

/** True if another request may follow. @throws if the client has gone, or the body broke off: nothing more can be said */
export async function writeAnswer(
  connection: Connection,
  { status, headers, body }: Answer,
  { method, minor, isLast }: AnswerOptions,
): Promise<boolean> {
  const framed = framedFields(headers, {
    isEmpty: body === null && method !== "HEAD",
    ...{ status, minor, isLast },
  });
  using out = new Out(connection, headText(statusLine(status), framed.fields));
  if (body === null || method === "HEAD" || isBare(status)) {
    body?.cancel();
    await out.flush();
    return !framed.isLast;
  }
  // What has a length is whole already, or nearly: its head goes out with it.
  if (framed.length === undefined) await out.flush();
  if (framed.isChunked) await out.chunked(body);
  else await out.counted(body, framed.length);
  return !framed.isLast;
}

/** It forbids a body. */
function isBare(status: number): boolean {
  return status === 204 || status === 304;
}

interface Framed {
  readonly fields: HeaderList;
  /** Bytes of the body; undefined: not known. */
  readonly length: number | undefined;
  readonly isChunked: boolean;
  readonly isLast: boolean;
}

function framedFields(
  headers: HttpHeaders,
  { isEmpty, status, minor, isLast }: {
    readonly isEmpty: boolean;
    readonly status: number;
    readonly minor: 0 | 1;
    readonly isLast: boolean;
  },
): Framed {
  const fields: HeaderList = [];
  let length: number | undefined;
  let hasDate = false, closes = isLast;
  for (const field of headers) {
    const [name, value] = field;
    if (name === "connection") {
      closes ||= /\bclose\b/i.test(value);
      continue;
    }
    if (name === "content-length") {
      if (status === 204) continue; // RFC 9110 section 8.6.
      length = Number(value);
    }
    hasDate ||= name === "date";
    fields.push(field);
  }
  if (!hasDate) fields.push(["date", dateNow()]);
  if (isEmpty && !isBare(status) && length === undefined) {
    length = 0;
    fields.push(["content-length", "0"]);
  }
  const isChunked = length === undefined && !isBare(status) && minor === 1;
  if (isChunked) fields.push(["transfer-encoding", "chunked"]);
  // What neither has a length nor can be chunked ends with its connection.
  if (length === undefined && minor === 0) closes = true;
  if (closes) fields.push(["connection", "close"]);
  return { fields, length, isChunked, isLast: closes };
}

/** What goes out, gathered for one write where it is small. */
class Out implements Disposable {
  readonly #space: Uint8Array<ArrayBuffer>;
  #size: number;

  constructor(readonly connection: Connection, head: string) {
    this.#space = takeSpace(3 * head.length);
    this.#size = writeText(head, this.#space, 0);
  }

  [Symbol.dispose](): void {
    giveSpace(this.#space);
  }

  async flush(): Promise<void> {
    if (this.#size > 0) await this.connection.write(this.#taken());
  }

  async counted(body: HttpBody, length = Infinity): Promise<void> {
    let left = length;
    for (;;) {
      const chunk = await body.read();
      if (!chunk) break;
      if (chunk.length > left) throw new Error("A body is longer than it says");
      left -= chunk.length;
      if (!this.#gather(chunk)) await this.#writeThrough(chunk);
      await this.flush();
    }
    if (left > 0 && left !== Infinity) throw new Error("A body is shorter than it says");
    await this.flush();
  }

  async chunked(body: HttpBody): Promise<void> {
    for (;;) {
      const chunk = await body.read();
      if (!chunk) break;
      if (chunk.length === 0) continue;
      this.#chunkSize(chunk.length);
      if (!this.#gather(chunk)) await this.#writeThrough(chunk);
      this.#lineEnd();
      await this.connection.write(this.#taken());
    }
    this.#chunkSize(0);
    this.#lineEnd();
    await this.flush();
  }

  /** False, and nothing is done, if there is no room. */
  #gather(chunk: Uint8Array): boolean {
    if (this.#size + chunk.length + CHUNK_OVERHEAD > this.#space.length) return false;
    this.#space.set(chunk, this.#size);
    this.#size += chunk.length;
    return true;
  }

  async #writeThrough(chunk: Uint8Array): Promise<void> {
    await this.flush();
    await this.connection.write(chunk);
  }

  #taken(): Uint8Array<ArrayBuffer> {
    const bytes = this.#space.subarray(0, this.#size);
    this.#size = 0;
    return bytes;
  }

  /** In hexadecimal, with its line's end: RFC 9112 section 7.1. */
  #chunkSize(size: number): void {
    for (let shift = 28 - (Math.clz32(size | 1) & ~3); shift >= 0; shift -= 4) {
      this.#space[this.#size++] = DIGITS.charCodeAt(size >> shift & 0xf);
    }
    this.#lineEnd();
  }

  #lineEnd(): void {
    this.#space[this.#size++] = CR;
    this.#space[this.#size++] = LF;
  }
}

let dateText = "";
let dateSecond = 0;

/** RFC 9110 section 6.6.1; made once a second. */
function dateNow(): string {
  const second = Math.floor(Date.now() / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    dateText = new Date().toUTCString();
  }
  return dateText;
}
