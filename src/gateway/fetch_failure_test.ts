import { expect } from "expect";
import { createFetch } from "../platform/fetch.ts";
import { fetchFailure, fetchReason } from "./fetch_failure.ts";

/** What the real `fetch` throws for a server that does `serve` with each connection. */
async function failureAt(serve: (conn: Deno.TcpConn) => Promise<unknown>): Promise<unknown> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    for await (const conn of listener) await serve(conn).finally(() => conn.close());
  })();
  try {
    return await failureOf(`http://127.0.0.1:${listener.addr.port}/v1/x?key=secret`);
  } finally {
    listener.close();
    await serving;
  }
}

async function failureOf(url: string): Promise<unknown> {
  const body = new TextEncoder().encode("{}");
  const outcome = await createFetch()(url, { method: "POST", body }).catch((error) => error);
  expect(outcome).toBeInstanceOf(Error);
  return outcome;
}

const readRequest = (conn: Deno.TcpConn) => conn.read(new Uint8Array(4096));

async function answerRaw(conn: Deno.TcpConn, text: string): Promise<void> {
  await readRequest(conn);
  await conn.write(new TextEncoder().encode(text));
}

Deno.test("fetchFailure() knows a refused connection", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const error = await failureOf(`http://127.0.0.1:${port}/v1/x?key=secret`);
  expect(fetchFailure(error)).toBe("refused");
  expect(fetchReason(error)).toMatch(/^client error \(Connect\): .*refused/);
});

Deno.test("fetchFailure() takes a name that does not resolve, and a failed TLS handshake, for refused", async () => {
  expect(fetchFailure(await failureOf("http://nobody.invalid/"))).toBe("refused");
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted = listener.accept().then((conn) => conn.close());
  expect(fetchFailure(await failureOf(`https://127.0.0.1:${listener.addr.port}/`))).toBe("refused");
  await accepted;
  listener.close();
});

Deno.test("fetchFailure() knows a connection that was closed before the answer", async () => {
  const error = await failureAt(readRequest);
  expect(fetchFailure(error)).toBe("closed");
  expect(fetchReason(error)).not.toContain("secret");
});

Deno.test("fetchFailure() knows a connection that was reset before the answer", async () => {
  // Closing with the request unread makes the system send a reset.
  expect(fetchFailure(await failureAt(() => Promise.resolve()))).toBe("closed");
});

Deno.test("fetchFailure() does not take an answer that is no HTTP for no answer", async () => {
  const error = await failureAt((conn) => answerRaw(conn, "HTTP/1.1 garbage\r\n\r\n"));
  expect(fetchFailure(error)).toBe("other");
});

Deno.test("fetchFailure() is `other` for what is no failure of a connection", () => {
  expect(fetchFailure(new DOMException("aborted", "AbortError"))).toBe("other");
  expect(fetchFailure(new TypeError("Requests to port 6000 are blocked"))).toBe("other");
  expect(fetchFailure("refused")).toBe("other");
});
