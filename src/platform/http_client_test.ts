import { expect } from "expect";
import { eventually } from "../testing/eventually.ts";
import { bodyOf, textOf } from "./http_body.ts";
import { HttpClient, type HttpRequest } from "./http_client.ts";

/** A server that answers what the test says, byte by byte if need be. */
class Scripted implements Disposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly conns: Deno.TcpConn[] = [];
  /** Everything received, a text for each connection. */
  readonly received: string[] = [];
  /** Requests whose head has come. */
  requests = 0;

  /** `answer`: of the request with that number, from 1 on. */
  constructor(readonly answer: (conn: Deno.TcpConn, request: number) => Promise<void> | void) {
    void this.#serve();
  }

  get url(): URL {
    return new URL(`http://127.0.0.1:${this.#listener.addr.port}/v1/x?a=b`);
  }

  async #serve(): Promise<void> {
    for await (const conn of this.#listener) {
      conn.setNoDelay();
      this.conns.push(conn);
      void this.#answerAll(conn, this.conns.length - 1).catch(() => {});
    }
  }

  async #answerAll(conn: Deno.TcpConn, index: number): Promise<void> {
    this.received[index] = "";
    const buffer = new Uint8Array(64 * 1024);
    for (let count; (count = await conn.read(buffer)) !== null;) {
      const text = new TextDecoder().decode(buffer.subarray(0, count));
      this.received[index] += text;
      if (text.includes("\r\n\r\n")) await this.answer(conn, ++this.requests);
    }
  }

  [Symbol.dispose](): void {
    this.#listener.close();
    for (const conn of this.conns) hangUp(conn);
  }
}

function hangUp(conn: Deno.TcpConn): void {
  try {
    conn.close();
  } catch { /* it is already */ }
}

async function write(conn: Deno.TcpConn, text: string): Promise<void> {
  for (let rest = new TextEncoder().encode(text); rest.length > 0;) {
    rest = rest.subarray(await conn.write(rest));
  }
}

function request(over: Partial<HttpRequest> = {}): HttpRequest {
  const { signal } = new AbortController();
  return { method: "GET", headers: [], signal, redirect: "manual", ...over };
}

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

Deno.test("HttpClient sends what it is given, and uses a connection again", async () => {
  using server = new Scripted((conn) => write(conn, OK));
  const client = new HttpClient();
  const body = new TextEncoder().encode("{}");
  for (let i = 0; i < 3; i++) {
    const response = await client.send(
      server.url,
      request({ method: "POST", headers: [["x-a", "1"]], body }),
    );
    expect([response.status, response.headers.get("Content-Length"), await textOf(response.body)])
      .toEqual([200, "2", "hi"]);
  }
  const { host } = server.url;
  const sent = `POST /v1/x?a=b HTTP/1.1\r\nhost: ${host}\r\nx-a: 1\r\ncontent-length: 2\r\n\r\n{}`;
  expect(server.received).toEqual([sent.repeat(3)]);
});

const ANSWERS: Record<string, string> = {
  "by length": "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world",
  "in chunks": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" +
    "5;x=y\r\nhello\r\n06\r\n world\r\n0\r\nX-Trailer: 1\r\n\r\n",
  "behind what is said on the way to it": "HTTP/1.1 100 Continue\r\n\r\n" +
    "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 200\r\nContent-Length: 11\r\n\r\nhello world",
};

for (const [how, answer] of Object.entries(ANSWERS)) {
  Deno.test(`HttpClient reads an answer ${how}, wherever it was cut`, async () => {
    using server = new Scripted(async (conn, number) => {
      await write(conn, answer.slice(0, number));
      // So that the client reads the two apart.
      await new Promise((resolve) => setTimeout(resolve));
      await write(conn, answer.slice(number));
    });
    const client = new HttpClient();
    for (let cut = 1; cut < answer.length; cut++) {
      const response = await client.send(server.url, request());
      expect([cut, await textOf(response.body)]).toEqual([cut, "hello world"]);
    }
    expect(server.conns.length).toBe(1);
  });
}

Deno.test("HttpClient reads a body without a length to the connection's end", async () => {
  using server = new Scripted(async (conn) => {
    await write(conn, "HTTP/1.1 200 OK\r\n\r\nto the end");
    conn.close();
  });
  const response = await new HttpClient().send(server.url, request());
  expect(await textOf(response.body)).toBe("to the end");
});

const CUT: Record<string, string> = {
  "by length": "Content-Length: 9\r\n\r\nhel",
  "in chunks": "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n",
  "in a chunk": "Transfer-Encoding: chunked\r\n\r\n9\r\nhel",
  "without a size": "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\nzz\r\n",
  "longer than its size": "Transfer-Encoding: chunked\r\n\r\n3\r\nhello\r\n0\r\n\r\n",
};

for (const [how, answer] of Object.entries(CUT)) {
  Deno.test(`HttpClient: a body that breaks off ${how} is no whole one`, async () => {
    using server = new Scripted(async (conn) => {
      await write(conn, `HTTP/1.1 200 OK\r\n${answer}`);
      await conn.closeWrite();
    });
    const response = await new HttpClient().send(server.url, request());
    const body = bodyOf(response.body!);
    expect(new TextDecoder().decode(await body.read())).toBe("hel");
    await expect(body.read()).rejects.toThrow(/chunk|ended/);
    expect(await body.read()).toBe(undefined);
  });
}

const NO_ANSWERS: Record<string, string> = {
  "another protocol": "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
  "a hint and no more": "HTTP/1.1 103 Early Hints\r\n\r\n",
  "no HTTP": "SSH-2.0-OpenSSH\r\n\r\n",
  "two lengths":
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  "half a head": "HTTP/1.1 200 OK\r\nContent-",
};

for (const [what, answer] of Object.entries(NO_ANSWERS)) {
  Deno.test(`HttpClient: ${what} is no answer`, async () => {
    using server = new Scripted(async (conn) => {
      await write(conn, answer);
      await conn.closeWrite();
    });
    await expect(new HttpClient().send(server.url, request()))
      .rejects.toMatchObject({ name: "RequestFailure", kind: "broken" });
  });
}

Deno.test("HttpClient keeps no connection that says it is the last, or says too much", async () => {
  for (const more of ["Connection: close\r\n", ""]) {
    const answer = `HTTP/1.1 200 OK\r\n${more}Content-Length: 2\r\n\r\nhi`;
    using server = new Scripted((conn) => write(conn, more === "" ? `${answer}HTTP/1.1 ` : answer));
    const client = new HttpClient();
    for (let i = 0; i < 2; i++) {
      await textOf((await client.send(server.url, request())).body);
    }
    expect([more, server.conns.length]).toEqual([more, 2]);
  }
});

Deno.test("HttpClient notices that an idle connection was closed, and asks on a new one", async () => {
  using server = new Scripted((conn) => write(conn, OK));
  const client = new HttpClient();
  for (let i = 1; i <= 2; i++) {
    await textOf((await client.send(server.url, request())).body);
    hangUp(server.conns[0]!);
    await eventually(() => client.idle === 0 || i === 2);
  }
  expect([server.requests, server.conns.length]).toEqual([2, 2]);
});

Deno.test("HttpClient sends a request again whose pooled connection ends before an answer, once", async () => {
  using server = new Scripted((conn, number) => number === 1 ? write(conn, OK) : conn.close());
  const client = new HttpClient();
  await textOf((await client.send(server.url, request())).body);
  await expect(client.send(server.url, request())).rejects.toMatchObject({ kind: "closed" });
  expect([server.requests, server.conns.length]).toEqual([3, 2]);
});

// It had begun to answer, so it had taken the request: sent again, that is generated twice.
Deno.test("HttpClient does not send a request again once a word of an answer has come", async () => {
  using server = new Scripted(async (conn, number) => {
    await write(conn, number === 1 ? OK : "HTTP/1.1 103 Early Hints\r\n\r\n");
    if (number > 1) conn.close();
  });
  const client = new HttpClient();
  await textOf((await client.send(server.url, request())).body);
  await expect(client.send(server.url, request())).rejects.toMatchObject({ kind: "broken" });
  expect(server.requests).toBe(2);
});

Deno.test("HttpClient says when nobody is there", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const url = new URL(`http://127.0.0.1:${listener.addr.port}`);
  listener.close();
  await expect(new HttpClient().send(url, request())).rejects.toMatchObject({ kind: "refused" });
});

Deno.test("HttpClient gives up when its signal says so, also in the middle of an answer", async () => {
  const part = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel";
  using server = new Scripted((conn, number) => number === 1 ? undefined : write(conn, part));
  const client = new HttpClient();
  const silent = new AbortController(), halfway = new AbortController();
  const sent = client.send(server.url, request({ signal: silent.signal }));
  await eventually(() => server.requests === 1);
  silent.abort("enough");
  await expect(sent).rejects.toBe("enough");
  const response = await client.send(server.url, request({ signal: halfway.signal }));
  const body = bodyOf(response.body!);
  await body.read();
  const rest = body.read();
  halfway.abort("enough");
  await expect(rest).rejects.toThrow("ended");
  await expect(client.send(server.url, request({ signal: halfway.signal }))).rejects.toBe("enough");
});

// The abort was told to nobody, and the engine worked on for a client that had gone, counted by nothing.
Deno.test("HttpClient gives up when its client leaves just as its connection comes to be", async () => {
  using server = new Scripted((conn) => write(conn, OK));
  const { connect } = Deno;
  try {
    for (let later = 0; later < 12; later++) {
      const controller = new AbortController();
      Deno.connect = (async (options: Deno.ConnectOptions) => {
        const conn = await connect(options);
        void (async () => {
          for (let i = 0; i < later; i++) await undefined;
          controller.abort("gone");
        })();
        return conn;
      }) as typeof Deno.connect;
      const sent = new HttpClient().send(server.url, request({ signal: controller.signal }));
      await expect(sent).rejects.toBe("gone");
    }
  } finally {
    Deno.connect = connect;
  }
});

Deno.test("HttpClient: cancelling a body ends the read that waits, and the connection", async () => {
  const ended = Promise.withResolvers<void>();
  using server = new Scripted(async (conn) => {
    await write(conn, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel");
    await conn.read(new Uint8Array(1)).catch(() => {});
    ended.resolve();
  });
  const body = bodyOf((await new HttpClient().send(server.url, request())).body!);
  await body.read();
  const rest = body.read();
  body.cancel();
  expect(await rest).toBe(undefined);
  await ended.promise;
});

// An engine that refuses a prompt for its length answers, and hangs up, before it has read it.
Deno.test("HttpClient hears an answer that comes before the whole request was taken", async () => {
  using server = new Scripted(async (conn) => {
    await write(conn, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno");
    await conn.closeWrite();
  });
  const body = new Uint8Array(20_000_000);
  const response = await new HttpClient().send(server.url, request({ method: "POST", body }));
  expect([response.status, await textOf(response.body)]).toEqual([413, "no"]);
});

// It waited for the rest to be taken, with the body in memory and a connection of the engine's, for ever.
Deno.test("HttpClient closes a connection whose engine has answered and reads no further", async () => {
  const answered = Promise.withResolvers<void>();
  let hasEnded = false;
  using server = new Scripted(async (conn) => {
    await write(conn, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno");
    await answered.promise;
    // Not a byte of the rest is read: that a write fails is how it sees that the other side has gone.
    while (await write(conn, " ").then(() => true, () => false)) {
      await new Promise((resolve) => setTimeout(resolve));
    }
    hasEnded = true;
  });
  const client = new HttpClient();
  const body = new Uint8Array(20_000_000);
  const response = await client.send(server.url, request({ method: "POST", body }));
  expect(await textOf(response.body)).toBe("no");
  answered.resolve();
  await eventually(() => hasEnded);
  expect(client.idle).toBe(0);
});
