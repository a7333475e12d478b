/** Where a body ends on its connection, by the framing that its head tells. */
import type { Connection } from "./http_connection.ts";
import type { Framing } from "./http_head.ts";

export function boundaryOf(framing: Framing): Boundary {
  switch (framing.kind) {
    case "length":
      return new Counted(framing.length);
    case "chunked":
      return new Chunked();
    case "until close":
      return new UntilClose();
  }
}

/** Where a body ends. */
export interface Boundary {
  /** The next bytes of the body; undefined if more have to come first, `end` at its end. @throws BrokenBody */
  next(connection: Connection): Uint8Array<ArrayBuffer> | undefined | "end";
  /** True if the end of the connection is the end of the body. */
  readonly endsWithConnection: boolean;
}

/** A body that broke off, or whose chunks are none. */
export class BrokenBody extends Error {
  override name = "BrokenBody";
}

class Counted implements Boundary {
  readonly endsWithConnection = false;

  constructor(private left: number) {}

  next(connection: Connection): Uint8Array<ArrayBuffer> | undefined | "end" {
    if (this.left === 0) return "end";
    if (connection.size === 0) return undefined;
    const chunk = connection.take(this.left);
    this.left -= chunk.length;
    return chunk;
  }
}

class UntilClose implements Boundary {
  readonly endsWithConnection = true;

  next(connection: Connection): Uint8Array<ArrayBuffer> | undefined {
    return connection.size === 0 ? undefined : connection.take(Infinity);
  }
}

const CR = 0x0d, LF = 0x0a;
/** A size, with its extensions, and a line of the trailer. */
const LINE_MAX = 4 * 1024;
const TRAILER_MAX = 16 * 1024;

const CHUNK_END = -1, SIZE = -2, TRAILER = -3, OVER = -4;

/** RFC 9112 section 7.1; extensions and trailers are read and dropped. */
class Chunked implements Boundary {
  readonly endsWithConnection = false;
  /** Bytes of the chunk under way, or what comes next. */
  #left = SIZE;
  #trailer = 0;

  next(connection: Connection): Uint8Array<ArrayBuffer> | undefined | "end" {
    while (this.#left !== OVER) {
      if (this.#left > 0) {
        if (connection.size === 0) return undefined;
        const chunk = connection.take(this.#left);
        this.#left -= chunk.length;
        if (this.#left === 0) this.#left = CHUNK_END;
        return chunk;
      }
      const line = lineOf(connection);
      if (line === undefined) return undefined;
      if (this.#left === CHUNK_END) {
        if (line !== "") throw new BrokenBody("A chunk is longer than its size");
        this.#left = SIZE;
      } else if (this.#left === SIZE) {
        const size = sizeOf(line);
        this.#left = size === 0 ? TRAILER : size;
      } else if (line === "") {
        this.#left = OVER;
      } else if ((this.#trailer += line.length) > TRAILER_MAX) {
        throw new BrokenBody("The trailer of a body is too long");
      }
    }
    return "end";
  }
}

/** One line without its end; undefined if it is not whole. @throws BrokenBody */
function lineOf(connection: Connection): string | undefined {
  if (connection.size === 0) return undefined;
  const { bytes } = connection;
  const at = bytes.indexOf(LF);
  if (at < 0 && bytes.length < LINE_MAX) return undefined;
  if (at < 1 || at > LINE_MAX || bytes[at - 1] !== CR) {
    throw new BrokenBody("A line of a chunked body does not end");
  }
  let line = "";
  for (let i = 0; i < at - 1; i++) line += String.fromCharCode(bytes[i]!);
  connection.skip(at + 1);
  return line;
}

function sizeOf(line: string): number {
  const [, digits] = /^([0-9A-Fa-f]{1,12})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?$/.exec(line) ?? [];
  if (digits === undefined) throw new BrokenBody("A chunk has no size");
  return parseInt(digits, 16);
}
