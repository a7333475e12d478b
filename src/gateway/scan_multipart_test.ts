import { expect } from "expect";
import fc from "fast-check";
import { renameModel } from "./fields.ts";
import { RequestError } from "./request_error.ts";
import { boundaryOf, checkMultipart, scanMultipart } from "./scan_multipart.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

interface Part {
  readonly head: string;
  readonly body: string | Uint8Array;
}

function form(parts: readonly Part[], { boundary = "B", preamble = "", end = "--\r\n" } = {}) {
  const pieces = parts.flatMap(({ head, body }) => [
    bytesOf(`--${boundary}\r\n${head}\r\n\r\n`),
    typeof body === "string" ? bytesOf(body) : body,
    bytesOf("\r\n"),
  ]);
  const all = [bytesOf(preamble), ...pieces, bytesOf(`--${boundary}${end}`)];
  const bytes = new Uint8Array(all.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of all) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

const field = (name: string, body: string): Part => ({
  head: `Content-Disposition: form-data; name="${name}"`,
  body,
});
const file = (name: string, body: string | Uint8Array): Part => ({
  head:
    `Content-Disposition: form-data; name="${name}"; filename="a.wav"\r\nContent-Type: audio/wav`,
  body,
});

const FOUND: [string, Uint8Array<ArrayBuffer>, string | undefined, boolean][] = [
  ["the fields", form([field("model", "w"), field("stream", "true")]), "w", true],
  [
    "a field behind a file",
    form([file("file", "RIFF\r\n--\r\nx"), field("model", "w")]),
    "w",
    false,
  ],
  ["no file that is called model", form([file("model", "w")]), undefined, false],
  ["an empty field as missing", form([field("model", "")]), undefined, false],
  ["nothing where there is none", form([field("language", "de")]), undefined, false],
  ["a field behind an empty part", form([field("prompt", ""), field("model", "w")]), "w", false],
  ["a field behind line breaks", form([field("model", "w")], { preamble: "\r\n\n" }), "w", false],
  [
    "a field with other headers",
    form([{
      head: "content-type: text/plain\r\nCONTENT-DISPOSITION: form-data;  name=model",
      body: "w",
    }]),
    "w",
    false,
  ],
  ["the same field twice", form([field("model", "w"), field("model", "w")]), "w", false],
  [
    "what looks like a boundary in a file",
    form([file("f", "\r\n--X\r\n"), field("model", "w")]),
    "w",
    false,
  ],
];

for (const [what, bytes, model, stream] of FOUND) {
  Deno.test(`scanMultipart() finds ${what}`, () => {
    const fields = scanMultipart(bytes, "B");
    expect([fields.model, fields.stream]).toEqual([model, stream]);
    checkMultipart(bytes, "B");
  });
}

Deno.test("scanMultipart() finds a model behind a file of 25 MB", () => {
  const audio = new Uint8Array(25_000_000);
  // Line breaks and dashes everywhere, as in real audio.
  for (let i = 0; i < audio.length; i++) audio[i] = (i * 31) % 251;
  const bytes = form([file("file", audio), field("model", "whisper")]);
  expect(scanMultipart(bytes, "B").model).toBe("whisper");
});

const REFUSED: [string, Uint8Array<ArrayBuffer>][] = [
  ["no last boundary", form([field("model", "w")], { end: "" })],
  [
    "a part that does not end",
    bytesOf('--B\r\nContent-Disposition: form-data; name="model"\r\n\r\nw'),
  ],
  ["a head that does not end", bytesOf("--B\r\nContent-Disposition: form-data")],
  ["another boundary", form([field("model", "w")], { boundary: "C" })],
  ["a text before the first boundary", form([field("model", "w")], { preamble: "hello\r\n" })],
  ["nothing", new Uint8Array()],
  ["JSON", bytesOf('{"model":"w"}')],
];
for (const [what, bytes] of REFUSED) {
  Deno.test(`checkMultipart() refuses ${what}`, () => {
    expect(() => checkMultipart(bytes, "B")).toThrow(RequestError);
  });
}

Deno.test("scanMultipart() refuses two models, and a model that is no UTF-8 or endless", () => {
  const bad = [
    form([field("model", "a"), field("model", "b")]),
    form([{ ...field("model", ""), body: new Uint8Array([0xff, 0xfe]) }]),
    form([field("model", "x".repeat(100_000))]),
  ];
  for (const bytes of bad) expect(() => scanMultipart(bytes, "B")).toThrow(RequestError);
});

const disposition = (parameters: string, body = "w"): Part => ({
  head: `Content-Disposition: form-data${parameters}`,
  body,
});

// Where the gateway reads another field than the engine, a key's models mean nothing.
const AMBIGUOUS: [string, Part][] = [
  ["a second Content-Disposition", {
    head: `${field("prompt", "").head}\r\n${field("model", "").head}`,
    body: "w",
  }],
  ["a second name", disposition('; name="prompt"; name="model"')],
  ["an encoded name", disposition("; name*=utf-8''model")],
  ["a name in pieces", disposition('; name*0="mo"; name*1="del"')],
  ["a quote that does not end", disposition('; name="model')],
  ["blanks in a parameter", disposition('; name = "model"')],
  ["a head without end", { head: `X: ${"x".repeat(20_000)}`, body: "" }],
  // Starlette takes these for the field `model`.
  ["what is no form field", {
    head: 'Content-Disposition: attachment; name="model"',
    body: "other",
  }],
  ["a file that is one only by filename*", disposition("; name=model; filename*=a", "other")],
];
for (const [what, part] of AMBIGUOUS) {
  Deno.test(`scanMultipart() refuses ${what}`, () => {
    expect(() => scanMultipart(form([part, field("model", "w")]), "B")).toThrow(RequestError);
  });
}

const NAMED: [string, Part, string | undefined][] = [
  ["a file only in a quoted text", disposition('; x="; filename=a"; name="model"'), "w"],
  ["an escaped letter", disposition('; name="mo\\del"'), "w"],
  ["upper case", disposition('; NAME="model"'), "w"],
  ["an encoded name of a file", disposition("; name=model; filename*=utf-8''a"), "w"],
  ["no name", disposition(""), undefined],
  ["no disposition", { head: "Content-Type: text/plain", body: "w" }, undefined],
];
for (const [what, part, model] of NAMED) {
  Deno.test(`scanMultipart() finds ${model} in a part with ${what}`, () => {
    expect(scanMultipart(form([part]), "B").model).toBe(model);
  });
}

Deno.test("scanMultipart() refuses a part whose end can be seen in two places", () => {
  // To Starlette the second boundary is content, to Go's reader it ends the part.
  const head = 'Content-Disposition: form-data; name="prompt"';
  const rest = new TextDecoder().decode(form([field("model", "w")]));
  for (const odd of ["--B\r\n", `--B\r\n${head}\r\n`, `--B\r\n${head}\r\n\r\n`]) {
    expect(() => scanMultipart(bytesOf(odd + rest), "B")).toThrow(/blank line/);
  }
  // A hidden first part: Starlette skips the line break, so it is no preamble.
  const hidden = form([field("model", "other"), field("model", "w")], { preamble: "\n" });
  expect(() => scanMultipart(hidden, "B")).toThrow(/twice/);
});

Deno.test("scanMultipart() passes over a part without a head, and what stands behind the end", () => {
  const text = new TextDecoder().decode(form([field("model", "w")]));
  const epilogue = new TextDecoder().decode(form([field("model", "other")]));
  for (const odd of ["--B\r\n\r\n\r\n", "--B\r\n\r\nx\r\n", "--B \t\r\nX: y\r\n\r\n\r\n"]) {
    const bytes = bytesOf(`${odd}${text}${epilogue}`);
    checkMultipart(bytes, "B");
    expect(scanMultipart(bytes, "B").model).toBe("w");
  }
});

Deno.test("scanMultipart() takes as many parts as an engine, and refuses more", () => {
  const parts = Array<Part>(1_999).fill(field("prompt", "x"));
  expect(scanMultipart(form([...parts, field("model", "w")]), "B").model).toBe("w");
  expect(() => scanMultipart(form([...parts, ...parts]), "B")).toThrow(/more than 2000 parts/);
});

Deno.test("scanMultipart() is not troubled by 16 MiB of what boundaries and heads are made of", () => {
  const boundary = "-".repeat(70);
  const pieces = ["\r", "\r\n", "\r\n--", "-", `\r\n--${"-".repeat(69)}`, ";", "\r\n\r", 'a="b";'];
  for (const piece of pieces) {
    // Each run ends in a letter, so that no boundary arises.
    const filler = `${piece}x`.repeat((16 << 20) / (piece.length + 1));
    const bytes = form([file("f", filler), field("model", "w")], { boundary });
    expect(scanMultipart(bytes, boundary).model).toBe("w");
    expect(() => checkMultipart(bytesOf(filler), boundary)).toThrow(RequestError);
  }
  const head = `Content-Disposition: form-data${'; a="'.repeat(3_000)}`;
  expect(() => scanMultipart(form([{ head, body: "" }]), "B")).toThrow(RequestError);
});

for (
  const [type, want] of [
    ["multipart/form-data; boundary=abc", "abc"],
    ['multipart/form-data; charset=UTF-8; boundary="a b;c"', "a b;c"],
    // In EBCDIC, `model` is other bytes, and Starlette would read them.
    ["multipart/form-data; charset=cp500; boundary=abc", undefined],
    ["multipart/form-data; Boundary=----WebKit7MA4", "----WebKit7MA4"],
    ["multipart/form-data", undefined],
    ["multipart/form-data; boundary=", undefined],
    [`multipart/form-data; boundary=${"x".repeat(71)}`, undefined],
    ['multipart/form-data; x="; boundary=a"; boundary=b', "b"],
    ["multipart/form-data; boundary=a; boundary=b", undefined],
    ["multipart/form-data; boundary*=utf-8''a", undefined],
    ['multipart/form-data; boundary=a"b', undefined],
    ['multipart/form-data; boundary="a ', undefined],
    ['multipart/form-data; boundary="a "', undefined],
    ["multipart/form-data;; boundary=a ;", "a"],
  ] as const
) {
  Deno.test(`boundaryOf() gives ${want} for ${type.slice(0, 60)}`, () => {
    if (want === undefined) expect(() => boundaryOf(type)).toThrow(RequestError);
    else expect(boundaryOf(type)).toBe(want);
  });
}

const name = fc.constantFrom("model", "stream", "file", "prompt", "language");
const part = fc.oneof(
  fc.tuple(name, fc.string({ maxLength: 20 })).map(([name, body]) => field(name, body)),
  fc.tuple(name, fc.uint8Array({ maxLength: 60 })).map(([name, body]) => file(name, body)),
);

Deno.test("scanMultipart() finds what any form says, and renaming changes that alone", () => {
  fc.assert(
    fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
      const bytes = form(parts, { boundary: "b0undary" });
      const fields = parts.filter(({ head }) => !/filename/.test(head));
      const values = (name: string) =>
        fields.filter(({ head }) => head.includes(`"${name}"`)).map(({ body }) => body);
      if (["model", "stream"].some((name) => new Set(values(name)).size > 1)) {
        return expect(() => scanMultipart(bytes, "b0undary")).toThrow(RequestError);
      }
      const scanned = scanMultipart(bytes, "b0undary");
      expect(scanned.model).toBe((values("model")[0] as string | undefined) || undefined);
      expect(scanned.stream).toBe(/^(true|1|yes|on)$/i.test(String(values("stream")[0] ?? "")));
      const renamed = scanMultipart(renameModel(bytes, scanned, "other", "multipart"), "b0undary");
      expect(renamed.model).toBe(scanned.model && "other");
    }),
    { numRuns: 600 },
  );
});

Deno.test("scanMultipart() reads what the platform writes", async () => {
  const data = new FormData();
  data.set("file", new Blob([new Uint8Array(5_000)]), 'a "quoted" name.wav');
  data.set("model", "whisper-large");
  data.set("stream", "true");
  const response = new Response(data);
  const boundary = boundaryOf(response.headers.get("content-type")!);
  const bytes = await response.bytes();
  checkMultipart(bytes, boundary);
  const { model, stream } = scanMultipart(bytes, boundary);
  expect({ model, stream }).toEqual({ model: "whisper-large", stream: true });
});

Deno.test("scanMultipart() throws nothing but RequestError, whatever comes", () => {
  const junk = fc.tuple(fc.array(part, { maxLength: 4 }), fc.nat(), fc.nat({ max: 255 })).map(
    ([parts, at, byte]) => {
      const bytes = form(parts);
      bytes[at % bytes.length] = byte;
      return bytes;
    },
  );
  fc.assert(
    fc.property(fc.oneof(junk, fc.uint8Array()), (bytes) => {
      try {
        scanMultipart(bytes, "B");
        checkMultipart(bytes, "B");
      } catch (error) {
        expect(error).toBeInstanceOf(RequestError);
      }
    }),
    { numRuns: 600 },
  );
});
