import { expect } from "expect";
import { Wire } from "../testing/wire.ts";
import { listenNode, type NodeServer, type Outcome } from "./node_server.ts";

const HANDSHAKE = [
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];

/** A server that sends each message back; `end` closes, `break` breaks off. */
async function echo(): Promise<{ server: NodeServer; outcomes: Outcome[] }> {
  const outcomes: Outcome[] = [];
  const options = { hostname: "127.0.0.1", port: 0, idleTimeoutMs: 5_000 };
  const server = await listenNode(options, (request) => {
    void request.outcome.then((outcome) => outcomes.push(outcome));
    const body = new TextEncoder().encode("no");
    if (request.target === "/plain" || !request.isWebSocket) {
      return Promise.resolve({ status: 403, headers: [["content-length", "2"]], body });
    }
    return Promise.resolve({
      ...{ status: 101, headers: [], body },
      async webSocket(socket) {
        for await (const message of socket.messages) {
          if (message === "end") return;
          if (message === "break") throw new Error("planned");
          socket.send(typeof message === "string" ? message : `${message.length} bytes`);
        }
      },
    });
  });
  return { server, outcomes };
}

function client(server: NodeServer, path = "/"): { socket: WebSocket; heard: string[] } {
  const heard: string[] = [];
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}${path}`);
  socket.onmessage = ({ data }) => heard.push(data);
  return { socket, heard };
}

function closeOf(socket: WebSocket): Promise<[code: number, wasClean: boolean]> {
  return new Promise((resolve) =>
    socket.onclose = ({ code, wasClean }) => resolve([code, wasClean])
  );
}

Deno.test("messages of every length pass, text and bytes, in order", async () => {
  const { server, outcomes } = await echo();
  const { socket, heard } = client(server);
  const lengths = [0, 1, 125, 126, 65_535, 65_536, 300_000];
  socket.onopen = () => {
    for (const length of lengths) socket.send("x".repeat(length));
    socket.send(new Uint8Array(1_000));
    socket.send("end");
  };
  expect(await closeOf(socket)).toEqual([1000, true]);
  expect(heard.map(({ length }) => length)).toEqual([...lengths, "1000 bytes".length]);
  await server.close();
  expect(outcomes).toEqual(["answered"]);
});

Deno.test("the client's close is answered with its own code", async () => {
  const { server, outcomes } = await echo();
  const { socket } = client(server);
  socket.onopen = () => socket.close(3001);
  expect(await closeOf(socket)).toEqual([3001, true]);
  await server.close();
  expect(outcomes).toEqual(["answered"]);
});

Deno.test("a handler that throws breaks the connection, and so does close()", async () => {
  const { server, outcomes } = await echo();
  const { socket } = client(server);
  socket.onopen = () => socket.send("break");
  socket.onerror = () => {};
  expect((await closeOf(socket))[1]).toBe(false);
  const open = client(server).socket;
  await new Promise((resolve) => open.onopen = resolve);
  const ended = closeOf(open);
  await server.close();
  expect((await ended)[1]).toBe(false);
  expect(outcomes).toEqual(["cut", "left"]);
});

Deno.test("an answer without a WebSocket refuses it", async () => {
  const { server } = await echo();
  using wire = await Wire.open(server.port);
  await wire.send({ target: "/plain", headers: HANDSHAKE });
  expect(await wire.rest()).toMatch(/^HTTP\/1.1 403 .*\r\n\r\nno$/s);
  await server.close();
});

Deno.test("fragments make one message, a ping between them is answered, a byte at a time", async () => {
  const { server } = await echo();
  using wire = await Wire.open(server.port);
  await wire.send({ target: "/", headers: HANDSHAKE });
  // The example of RFC 6455 section 1.3.
  expect(await wire.until("\r\n\r\n")).toContain("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  const mask = [1, 2, 3, 4];
  const frame = (first: number, text: string) => [
    first,
    0x80 | text.length,
    ...mask,
    ...new TextEncoder().encode(text).map((byte, i) => byte ^ mask[i % 4]!),
  ];
  const bytes = [
    ...frame(0x01, "ab"),
    ...frame(0x89, "p"),
    ...frame(0x00, "cd"),
    ...frame(0x80, ""),
  ];
  for (const byte of bytes) await wire.socket.write(Uint8Array.of(byte));
  expect(await wire.until("abcd")).toBe("\x8a\x01p\x81\x04abcd");
  await server.close();
});
