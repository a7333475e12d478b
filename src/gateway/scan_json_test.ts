import { expect } from "expect";
import fc from "fast-check";
import { checkJson } from "./check_json.ts";
import { renameModel, type RequestFields } from "./fields.ts";
import { RequestError } from "./request_error.ts";
import { scanJson } from "./scan_json.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);
const scan = (text: string) => scanJson(bytesOf(text));

const FOUND: [string, string | undefined, boolean][] = [
  ['{"model":"a"}', "a", false],
  ['{"model":"a","stream":true}', "a", true],
  ['{"stream":true,"model":"a"}', "a", true],
  [' \n{ "model" :\t"a" , "stream" : true } \r\n', "a", true],
  ["{}", undefined, false],
  ['{"model":null}', undefined, false],
  ['{"model":""}', undefined, false],
  ['{"stream":false}', undefined, false],
  ['{"stream":null}', undefined, false],
  ['{"stream":"true"}', undefined, false],
  ['{"stream":1}', undefined, false],
  ['{"messages":[{"model":"no","stream":true}]}', undefined, false],
  ['{"x":{"model":"no"},"model":"a"}', "a", false],
  ['{"x":"{\\"model\\":\\"no\\"}","model":"a"}', "a", false],
  ['{"x":"\\\\","model":"a"}', "a", false],
  ['{"x":"\\\\\\"","model":"a"}', "a", false],
  ['{"m\\u006fdel":"a"}', "a", false],
  ['{"\\u006d\\u006f\\u0064\\u0065\\u006c":"a"}', "a", false],
  ['{"model":"\\u0061\\/b\\"c"}', 'a/b"c', false],
  ['{"model":"a","model":"a"}', "a", false],
  ['{"model":"a","model":"\\u0061"}', "a", false],
  ['{"stream":true,"stream":true}', undefined, true],
  ['{"Model":"A","models":"b","mode":"c"}', undefined, false],
  ['{"x":[[],{},[{}]],"y":-1.5e9,"z":true,"model":"a"}', "a", false],
  ['{"model":"模型 🦙"}', "模型 🦙", false],
];

for (const [text, model, stream] of FOUND) {
  Deno.test(`scanJson() finds ${JSON.stringify(model)}, ${stream} in ${text}`, () => {
    const fields = scan(text);
    expect({ model: fields.model, stream: fields.stream }).toEqual({ model, stream });
    if (fields.modelToken) expect(JSON.parse(tokenOf(text, fields))).toBe(model);
  });
}

const REFUSED = [
  ...'|[]|[1]|1|null|true|"model"|{|{"|{"model|{"model"|{"model":|{"model":"a'.split("|"),
  '{"model":"a"',
  '{"model":"a",',
  '{"model":"a",}',
  '{"model" "a"}',
  '{"model":}',
  '{model:"a"}',
  '{"model":1}',
  '{"model":["a"]}',
  '{"model":{"a":1}}',
  '{"model":"a","model":"b"}',
  '{"model":"a","model":null}',
  '{"model":"","model":null}',
  '{"stream":null,"stream":false}',
  '{"model":"a","m\\u006fdel":"b"}',
  '{"stream":true,"stream":false}',
  '{"model":"a"}{',
  '{"model":"a"} x',
  '\ufeff{"model":"a"}',
  '{"model":"\\ud800x\\q"}',
  '{"x":[{"model":"a"}',
];

for (const text of REFUSED) {
  Deno.test(`scanJson() refuses ${JSON.stringify(text)}`, () => {
    expect(() => scan(text)).toThrow(RequestError);
    try {
      scan(text);
    } catch (error) {
      expect((error as RequestError).code).toBe("invalid_json");
    }
  });
}

Deno.test("scanJson() refuses a model that is no UTF-8", () => {
  expect(() => scanJson(new Uint8Array([...bytesOf('{"model":"'), 0xff, ...bytesOf('"}')])))
    .toThrow(RequestError);
});

Deno.test("scanJson() is not troubled by 8 MiB of brackets, of quotes or of backslashes", () => {
  // A scanner that recurses, or looks back over a run again and again, would not end today.
  const size = 8 << 20;
  for (const piece of ["[", '{"a":', "\\", '"', '\\"', `${"x".repeat(200)}\\"`]) {
    const filler = piece.repeat(Math.floor(size / piece.length));
    expect(() => scan(`{"x":"${filler}`)).toThrow(RequestError);
    expect(() => scan(filler)).toThrow(RequestError);
  }
  const again = '"model":"a","stream":true,'.repeat(size / 26);
  expect(scan(`{${again}"x":1}`)).toMatchObject({ model: "a", stream: true });
});

// Its bytes were the arguments of one call, and a call takes 120,000: a 500 and a stack in the log.
Deno.test("scanJson() refuses a model of a million numbers like any that is no string", () => {
  const numbers = `[${"1,".repeat(500_000)}1]`;
  expect(() => scan(`{"model":${numbers}}`)).toThrow("'model' must be a string");
  expect(scan(`{"stream":${numbers}}`).stream).toBe(false);
});

// Only the first 16 bytes of each were compared.
Deno.test("scanJson() refuses two streams that differ late", () => {
  const stream = (last: string) => `"stream":"${"x".repeat(1_000)}${last}"`;
  expect(() => scan(`{${stream("a")},${stream("b")}}`)).toThrow(/'stream'.*twice/);
  expect(scan(`{${stream("a")},${stream("a")}}`).stream).toBe(false);
});

Deno.test("scanJson() reads strings alike on both sides of where it looks for quotes at once", () => {
  const piece = fc.constantFrom("\\\\", '\\"', "x", "\\u0041", "xx");
  const text = fc.tuple(fc.integer({ min: 110, max: 135 }), fc.array(piece, { maxLength: 12 }))
    .map(([length, pieces]) => "x".repeat(length) + pieces.join(""));
  fc.assert(
    fc.property(text, text, (a, b) => {
      const found = scan(`{"${a}":"${b}","model":"${b}"}`);
      expect(found.model).toBe(JSON.parse(`"${b}"`));
    }),
    { numRuns: 500 },
  );
});

/** JSON as people and programs write it: any key order, blanks, escapes, keys that come again. */
const blank = fc.stringMatching(/^[ \t\r\n]{0,3}$/);
const escaped = (text: string, escape: boolean) =>
  escape
    ? `"${
      [...Array(text.length).keys()].map((i) =>
        `\\u${text.charCodeAt(i).toString(16).padStart(4, "0")}`
      ).join("")
    }"`
    : JSON.stringify(text);
const key = fc.oneof(
  fc.constantFrom("model", "stream", "messages", "mode", "models", "Model", ""),
  fc.string({ maxLength: 8 }),
);
const value = fc.oneof(
  fc.tuple(fc.string(), fc.boolean()).map(([text, escape]) => escaped(text, escape)),
  fc.constantFrom("true", "false", "null", "0", "-1.5e3"),
  fc.jsonValue().map((json) => JSON.stringify(json)),
  fc.record({ model: fc.string(), stream: fc.boolean() }).map((json) => JSON.stringify(json)),
);
const member = fc.tuple(key, fc.boolean(), value, blank, blank);
const document = fc.tuple(fc.array(member, { maxLength: 8 }), blank).map(([members, space]) =>
  `${space}{${
    members.map(([key, escape, value, a, b]) => `${a}${escaped(key, escape)}${b}:${a}${value}${b}`)
      .join(",")
  }}${space}`
);

/** What the rules say, by parsing everything: top-level values of a key, in order. */
function reference(text: string): RequestFields | "refused" {
  const seen: Record<"model" | "stream", unknown[]> = { model: [], stream: [] };
  for (const [key, value] of topLevel(text)) {
    if (key === "model" || key === "stream") seen[key].push(value);
  }
  const values = (key: "model" | "stream") =>
    new Set(seen[key].map((each) => JSON.stringify(each)));
  if (values("model").size > 1) return "refused";
  const model = seen.model[0] ?? undefined;
  if (model !== undefined && typeof model !== "string") return "refused";
  return { model: model || undefined, stream: seen.stream.some((each) => each === true) };
}

/** Members of the outermost object, the ones that come again too. */
function topLevel(text: string): [string, unknown][] {
  const members: [string, unknown][] = [];
  let depth = 0, start = 0, inString = false;
  const inner = text.trim().slice(1, -1);
  for (let i = 0; i <= inner.length; i++) {
    const c = inner[i];
    if (inString) {
      if (c === "\\") i++;
      else if (c === '"') inString = false;
    } else if (c === '"') inString = true;
    else if (c === "{" || c === "[") depth++;
    else if (c === "}" || c === "]") depth--;
    else if ((c === "," && depth === 0) || i === inner.length) {
      const part = inner.slice(start, i).trim();
      start = i + 1;
      if (part) members.push(Object.entries(JSON.parse(`{${part}}`))[0] as [string, unknown]);
    }
  }
  return members;
}

Deno.test("scanJson() agrees with a parser on any document", () => {
  fc.assert(
    fc.property(document, (text) => {
      const want = reference(text);
      // Streams that differ are refused by what stands there, which the reference does not look at.
      let got: RequestFields | "refused";
      try {
        got = scan(text);
      } catch (error) {
        if (/'stream'/.test((error as Error).message)) return;
        got = "refused";
      }
      if (got === "refused" || want === "refused") return expect(got).toBe(want);
      expect([got.model, got.stream]).toEqual([want.model, want.stream]);
      if (got.modelToken) expect(JSON.parse(tokenOf(text, got))).toBe(got.model);
    }),
    { numRuns: 1_500 },
  );
});

Deno.test("scanJson() throws nothing but RequestError, whatever comes", () => {
  const junk = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.tuple(document, fc.nat(), fc.nat({ max: 255 })).map(([text, at, byte]) => {
      const bytes = bytesOf(text);
      bytes[at % bytes.length] = byte;
      return bytes;
    }),
  );
  fc.assert(
    fc.property(junk, (bytes) => {
      try {
        scanJson(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(RequestError);
      }
    }),
    { numRuns: 1_500 },
  );
});

Deno.test("what checkJson() takes, scanJson() can read, but for what contradicts itself", () => {
  fc.assert(
    fc.property(document, (text) => {
      checkJson(bytesOf(text));
      try {
        scan(text);
      } catch (error) {
        expect((error as Error).message).toMatch(/twice|must be a string/);
      }
    }),
    { numRuns: 500 },
  );
});

Deno.test("renameModel() changes the model and no other byte", () => {
  const name = fc.string({ minLength: 1 });
  fc.assert(
    fc.property(document, name, (text, name) => {
      let fields: RequestFields;
      try {
        fields = scan(text);
      } catch {
        return;
      }
      const renamed = renameModel(bytesOf(text), fields, name, "json");
      if (!fields.modelToken) return expect(renamed).toEqual(bytesOf(text));
      const { start, end } = fields.modelToken;
      const bytes = bytesOf(text);
      expect(renamed.subarray(0, start)).toEqual(bytes.subarray(0, start));
      expect(renamed.subarray(renamed.length - (bytes.length - end))).toEqual(bytes.subarray(end));
      const token = renamed.subarray(start, renamed.length - (bytes.length - end));
      expect(JSON.parse(new TextDecoder().decode(token))).toBe(name.toWellFormed());
    }),
    { numRuns: 500 },
  );
});

function tokenOf(text: string, { modelToken }: RequestFields): string {
  return new TextDecoder().decode(bytesOf(text).subarray(modelToken!.start, modelToken!.end));
}
