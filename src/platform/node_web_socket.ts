/**
 * The server's end of a WebSocket (RFC 6455) on a connection of `node:http`, by hand: small, and exact where
 * `Deno.upgradeWebSocket` is not: it can be broken off at any byte. For the stand-in engine.
 */
import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

export interface NodeWebSocket {
  /** Whole messages in order; it ends when the client closes or has gone. */
  readonly messages: ReadableStream<string | Uint8Array>;
  /** True once the client has closed as it should. */
  readonly isClosed: boolean;
  send(text: string): void;
  /** Says goodbye and ends the connection; once. */
  close(code: number): void;
}

const CONTINUATION = 0x0, TEXT = 0x1, CLOSE = 0x8, PING = 0x9, PONG = 0xa;
const FINAL = 0x80, MASKED = 0x80;

/** What RFC 6455 section 1.3 adds to a client's key. */
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** Answers the handshake `message`, which came on `connection` with `head` behind it. */
export function acceptWebSocket(
  message: IncomingMessage,
  connection: Duplex,
  head: Uint8Array,
): NodeWebSocket {
  const key = message.headers["sec-websocket-key"] ?? "";
  const accept = createHash("sha1").update(key + GUID).digest("base64");
  connection.write(
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      `Sec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  let isClosed = false;
  let isSaid = false;
  let isRead = true;
  const close = (payload: Uint8Array) => {
    if (!isSaid && !connection.destroyed) connection.end(frameOf(CLOSE, payload));
    isSaid = true;
  };
  const messages = new ReadableStream<string | Uint8Array>({
    start(controller) {
      const reader = new MessageReader();
      const read = (bytes: Uint8Array) => {
        for (const { opcode, payload } of reader.push(bytes)) {
          if (opcode === PING) connection.write(frameOf(PONG, payload));
          else if (opcode === CLOSE) {
            isClosed = true;
            close(payload);
          } else if (opcode !== PONG && isRead) {
            controller.enqueue(opcode === TEXT ? new TextDecoder().decode(payload) : payload);
          }
        }
      };
      connection.on("data", read);
      connection.on("error", () => {});
      connection.once("close", () => isRead && controller.close());
      read(head);
    },
    cancel: () => void (isRead = false),
  });
  return {
    messages,
    get isClosed() {
      return isClosed;
    },
    send(text) {
      if (!isSaid) connection.write(frameOf(TEXT, new TextEncoder().encode(text)));
    },
    close: (code) => close(Uint8Array.of(code >> 8, code & 0xff)),
  };
}

interface Message {
  readonly opcode: number;
  readonly payload: Uint8Array<ArrayBuffer>;
}

/** Puts frames together from bytes, and messages from frames. */
class MessageReader {
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array();
  #opcode = CONTINUATION;
  #parts: Uint8Array<ArrayBuffer>[] = [];

  *push(bytes: Uint8Array): Generator<Message> {
    this.#bytes = joined([this.#bytes, new Uint8Array(bytes)]);
    for (let frame = this.#take(); frame; frame = this.#take()) {
      const { opcode, payload, isFinal } = frame;
      if (opcode >= CLOSE) {
        yield { opcode, payload };
        continue;
      }
      if (opcode !== CONTINUATION) this.#opcode = opcode;
      this.#parts.push(payload);
      if (!isFinal) continue;
      yield { opcode: this.#opcode, payload: joined(this.#parts) };
      this.#parts = [];
    }
  }

  /** The next frame, unmasked; undefined until it is there in full. */
  #take(): (Message & { readonly isFinal: boolean }) | undefined {
    const bytes = this.#bytes;
    if (bytes.length < 2) return undefined;
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const short = bytes[1]! & 0x7f;
    const maskAt = short === 127 ? 10 : short === 126 ? 4 : 2;
    const start = maskAt + (bytes[1]! & MASKED ? 4 : 0);
    if (bytes.length < start) return undefined;
    const length = short === 127
      ? Number(view.getBigUint64(2))
      : short === 126
      ? view.getUint16(2)
      : short;
    if (bytes.length < start + length) return undefined;
    const payload = bytes.slice(start, start + length);
    for (let i = 0; start > maskAt && i < length; i++) payload[i]! ^= bytes[maskAt + i % 4]!;
    this.#bytes = bytes.subarray(start + length);
    return { opcode: bytes[0]! & 0xf, payload, isFinal: (bytes[0]! & FINAL) > 0 };
  }
}

function frameOf(opcode: typeof TEXT | typeof CLOSE | typeof PONG, payload: Uint8Array) {
  const { length } = payload;
  const head = new DataView(new ArrayBuffer(length > 0xffff ? 10 : length > 125 ? 4 : 2));
  head.setUint8(0, FINAL | opcode);
  head.setUint8(1, length > 0xffff ? 127 : length > 125 ? 126 : length);
  if (length > 0xffff) head.setBigUint64(2, BigInt(length));
  else if (length > 125) head.setUint16(2, length);
  return joined([new Uint8Array(head.buffer), new Uint8Array(payload)]);
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const [first] = parts;
  if (parts.length === 1) return new Uint8Array(first!);
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
