import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect } from "expect";
import fc from "fast-check";
import { RawClient } from "../testing/raw_client.ts";
import {
  framingOf,
  headEnd,
  headText,
  isLast,
  parseRequestHead,
  parseResponseHead,
  responseFraming,
  writeText,
} from "./http_head.ts";

const bytes = (text: string) => Uint8Array.from(text, (each) => each.charCodeAt(0));

function request(...lines: string[]) {
  return parseRequestHead(bytes([...lines, "", ""].join("\r\n")));
}

Deno.test("parseRequestHead() reads the line and the fields, whatever their spelling", () => {
  expect(request("POST /v1/x?a=b HTTP/1.1", "Host: a", "X-Y:  1 \t", "x-y:2", "Empty:")).toEqual({
    ...{ method: "POST", target: "/v1/x?a=b", minor: 1 },
    fields: [["host", "a"], ["x-y", "1"], ["x-y", "2"], ["empty", ""]],
  });
  expect(request("GET * HTTP/1.0")).toEqual({
    ...{ method: "GET", target: "*", minor: 0, fields: [] },
  });
});

Deno.test("parseRequestHead() keeps bytes of a value that are no ASCII as they are", () => {
  const fields = request("GET / HTTP/1.1", "a: \x80\xff", "b: \xc3\xa9")?.fields;
  expect(fields).toEqual([["a", "\x80\xff"], ["b", "\xc3\xa9"]]);
});

const NO_REQUESTS = [
  "GET  / HTTP/1.1",
  "GET / HTTP/2.0",
  "GET / HTTP/1.2",
  "GET / http/1.1",
  "GET /a b HTTP/1.1",
  "GET /\xe9 HTTP/1.1",
  "GET /",
  "G@T / HTTP/1.1",
  " GET / HTTP/1.1",
  "GET / HTTP/1.1 ",
  "GET / HTTP/1.1\nHost: a",
  "GET / HTTP/1.1\r\nHost : a",
  "GET / HTTP/1.1\r\n Host: a",
  "GET / HTTP/1.1\r\nA: b\r\n folded",
  "GET / HTTP/1.1\r\nA: b\nC: d",
  "GET / HTTP/1.1\r\nA: b\rC: d",
  "GET / HTTP/1.1\r\nA: b\0",
  "GET / HTTP/1.1\r\nA",
  "GET / HTTP/1.1\r\n: b",
  "GET / HTTP/1.1\r\nA\xe9: b",
];

for (const text of NO_REQUESTS) {
  Deno.test(`parseRequestHead() refuses ${JSON.stringify(text)}`, () => {
    expect(request(text)).toBe(undefined);
  });
}

Deno.test("parseResponseHead() reads a status with and without words", () => {
  for (const line of ["HTTP/1.1 200 OK", "HTTP/1.1 200", "HTTP/1.1 200 "]) {
    expect(parseResponseHead(bytes(`${line}\r\nA: b\r\n\r\n`)))
      .toEqual({ status: 200, minor: 1, fields: [["a", "b"]] });
  }
  for (const line of ["HTTP/1.1 20 OK", "HTTP/2 200", "ICY 200 OK", "HTTP/1.1 099 a"]) {
    expect([line, parseResponseHead(bytes(`${line}\r\n\r\n`))]).toEqual([line, undefined]);
  }
});

Deno.test("headEnd() finds the end wherever the head was cut", () => {
  const head = bytes("GET / HTTP/1.1\r\nA: b\r\n\r\nbody\r\n\r\n");
  const end = head.length - 8;
  for (let first = 0; first <= head.length; first++) {
    const early = headEnd(head.subarray(0, first));
    expect([first, early]).toEqual([first, first < end ? -1 : end]);
    if (early < 0) expect([first, headEnd(head, first)]).toEqual([first, end]);
  }
});

// Most of these were framed as chunked, for any word or space before it.
const CODINGS = [
  ...["", "gzip", "chunked, gzip", "chunked, chunked", "xchunked", "gzip, chunked", "x chunked"],
  ...[
    "x\tchunked",
    "chunked chunked",
    '"x, chunked',
    "chunked;a=1, chunked",
    "chunked,",
    ", chunked",
  ],
];

Deno.test("framingOf() refuses what two readers could take for two lengths", () => {
  const of = (fields: Record<string, string>, minor: 0 | 1 = 1) =>
    framingOf(Object.entries(fields), minor);
  expect(of({})).toBe("none");
  expect(of({ "content-length": "0" })).toEqual({ kind: "length", length: 0 });
  expect(of({ "content-length": "17" }, 0)).toEqual({ kind: "length", length: 17 });
  expect(of({ "transfer-encoding": "Chunked" })).toEqual({ kind: "chunked" });
  for (const length of ["", "-1", "+1", "1 2", "0x1", "1,1", "1.0", "9".repeat(16)]) {
    expect([length, of({ "content-length": length })]).toEqual([length, undefined]);
  }
  for (const coding of CODINGS) {
    expect([coding, of({ "transfer-encoding": coding })]).toEqual([coding, undefined]);
  }
  expect(of({ "transfer-encoding": "chunked" }, 0)).toBe(undefined);
  expect(of({ "transfer-encoding": "chunked", "content-length": "1" })).toBe(undefined);
  expect(framingOf([["content-length", "1"], ["content-length", "1"]], 1)).toBe(undefined);
});

Deno.test("responseFraming() knows the answers that have no body, and those that end with their connection", () => {
  const of = (method: string, status: number, fields: [string, string][] = []) =>
    responseFraming(method, { status, fields, minor: 1 });
  const none = { kind: "length", length: 0 };
  expect(of("HEAD", 200, [["content-length", "5"]])).toEqual(none);
  expect([of("GET", 204), of("GET", 304, [["content-length", "5"]])]).toEqual([none, none]);
  expect(of("GET", 200)).toEqual({ kind: "until close" });
  expect(of("GET", 200, [["content-length", "5"]])).toEqual({ kind: "length", length: 5 });
});

Deno.test("isLast() goes by the version, and by what either side says", () => {
  expect([isLast([], 1), isLast([], 0)]).toEqual([false, true]);
  expect(isLast([["connection", "Keep-Alive, Close"]], 1)).toBe(true);
  expect(isLast([["connection", "x-close-not"]], 1)).toBe(false);
  expect(isLast([["connection", "keep-alive"]], 0)).toBe(true);
});

Deno.test("headText() throws before a value ends its line", () => {
  expect(headText("GET / HTTP/1.1", [["a", "b"]])).toBe("GET / HTTP/1.1\r\na: b\r\n\r\n");
  for (const value of ["a\r\nb: c", "a\nb", "a\rb", "a\0b"]) {
    expect(() => headText("GET / HTTP/1.1", [["a", value]])).toThrow(TypeError);
  }
});

Deno.test("writeText() writes one byte a character", () => {
  const all = String.fromCharCode(...Array.from({ length: 256 }, (_, i) => i));
  for (const text of ["", "plain", all]) {
    const into = new Uint8Array(2 + 3 * text.length);
    expect(writeText(text, into, 2)).toBe(text.length);
    expect(into.subarray(2, 2 + text.length)).toEqual(bytes(text));
  }
});

/** Heads that are right, or nearly. */
const HEAD = fc.tuple(
  fc.constantFrom("GET / HTTP/1.1\r\n", "POST /a?b HTTP/1.1\r\n", "GET /\xe9 HTTP/1.0\r\n"),
  fc.array(
    fc.constantFrom(
      ...[
        "A: b\r\n",
        "A:\t b\xff c \r\n",
        "Content-Length: 3\r\n",
        "Transfer-Encoding: chunked\r\n",
      ],
      ...["Transfer-Encoding: gzip\r\n", "Connection: close\r\n", "Connection: x\r\n"],
    ),
    { maxLength: 4 },
  ),
  fc.array(
    fc.tuple(
      fc.nat(),
      fc.constantFrom("\r", "\n", " ", "\t", ":", "\0", ",", "\r\n", "\x7f", "\xff", "x", "0"),
    ),
    { maxLength: 2 },
  ),
).map(([line, fields, faults]) => {
  let text = `${line}Host: a\r\n${fields.join("")}\r\n`;
  for (const [at, fault] of faults) {
    const place = at % text.length;
    text = text.slice(0, place) + fault + text.slice(place);
  }
  return text;
});

Deno.test("what is taken for a request here, Node's parser takes for the same one", async () => {
  const seen: unknown[] = [];
  const server = createServer((message, response) => {
    const { method, url, rawHeaders } = message;
    const names = rawHeaders.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase());
    seen.push([method, url, names, rawHeaders.filter((_, i) => i % 2 === 1)]);
    response.writeHead(200, { connection: "close" }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  let taken = 0;
  await fc.assert(
    fc.asyncProperty(HEAD, async (text) => {
      const head = bytes(text);
      if (headEnd(head) !== head.length) return;
      const ours = parseRequestHead(head);
      if (!ours || framingOf(ours.fields, ours.minor) === undefined) return;
      // Node knows no other methods, and what no server is asked for is refused later here.
      if (!["GET", "POST"].includes(ours.method) || !ours.target.startsWith("/")) return;
      // Node answers 400 itself to a request without a host, or with two.
      if (ours.fields.filter(([name]) => name === "host").length !== 1) return;
      taken++;
      seen.length = 0;
      using client = await RawClient.connect(port);
      await client.write(head);
      await client.write("3\r\nabc\r\n0\r\n\r\n");
      await client.ended;
      const names = ours.fields.map(([name]) => name);
      const values = ours.fields.map(([, value]) => value);
      expect(seen[0]).toEqual([ours.method, ours.target, names, values]);
    }),
    { numRuns: 3_000, seed: 1 },
  );
  expect(taken).toBeGreaterThan(500);
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});
