import { expect } from "expect";
import fc from "fast-check";
import { checkJson } from "./check_json.ts";
import { RequestError } from "./request_error.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

for (
  const [what, text] of [
    [
      "every kind of value",
      ' {"a":[{},[],null,true,false,-0.5e+7,0,1E2,""],"b":{"c":[[]]}} \r\n\t',
    ],
    ["numbers beyond what it could hold, and a key twice", '{"n":12345678901234567890,"n":1e999}'],
    ["every escape", '{"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00Ef":"\\ud800"}'],
    ["deep nesting", `{"a":${"[".repeat(5_000)}${"]".repeat(5_000)}}`],
    ["a letter across two pieces", `{"a":"${"x".repeat(65_536 - 7)}é"}`],
  ] as const
) {
  Deno.test(`checkJson() takes ${what}`, () => checkJson(bytesOf(text)));
}

const BAD = [
  ...[
    "",
    "[]",
    "null",
    '"a"',
    "\ufeff{}",
    "{",
    "{]",
    "{,}",
    '{"a"}',
    '{"a":}',
    '{"a":1,}',
    '{"a" 1}',
  ],
  ...[
    '{"a":1}x',
    '{"a":1}{}',
    '{"a":01}',
    '{"a":1.}',
    '{"a":.5}',
    '{"a":+1}',
    '{"a":1e}',
    '{"a":-}',
  ],
  ...['{"a":[1,]}', '{"a":[,1]}', '{"a":[1 2]}', '{"a":[}', '{"a":nul}', '{"a":nulL}', '{"a":NaN}'],
  ...["{'a':1}", '{"a":"\n"}', '{"a":"\\x"}', '{"a":"\\u12g4"}', '{"a":"', '{"a":"\\', "{a:1}"],
];

for (const text of BAD) {
  Deno.test(`checkJson() refuses ${JSON.stringify(text)}`, () => {
    expect(() => checkJson(bytesOf(text))).toThrow(RequestError);
  });
}

Deno.test("checkJson() refuses what is no UTF-8, anywhere", () => {
  expect(() => checkJson(new Uint8Array([...bytesOf('{"x":"'), 0xc3, 0x28, ...bytesOf('"}')])))
    .toThrow(/UTF-8/);
  expect(() => checkJson(new Uint8Array([...bytesOf("{}"), 0xc3]))).toThrow(/UTF-8/);
});

Deno.test("checkJson() says where a body is malformed", () => {
  expect(() => checkJson(bytesOf('{"model":"m" "x"}'))).toThrow("'\"' cannot stand at byte 13");
  expect(() => checkJson(bytesOf('{"model":'))).toThrow("it ends too early");
});

// 60 MiB of brackets took `JSON.parse` nine seconds, in which nobody else was served, and two
// gigabytes, which a small container does not have.
Deno.test("checkJson() gives up on nesting that no engine would read", () => {
  const text = `{"a":${"[".repeat(2 << 20)}${"]".repeat(2 << 20)}}`;
  expect(() => checkJson(bytesOf(text))).toThrow(/nested deeper/);
});

Deno.test("checkJson() takes exactly the objects that JSON.parse() takes", () => {
  const isObject = (text: string) => {
    try {
      const value = JSON.parse(text);
      return typeof value === "object" && value !== null && !Array.isArray(value);
    } catch {
      return false;
    }
  };
  const isTaken = (text: string) => {
    try {
      checkJson(bytesOf(text));
      return true;
    } catch {
      return false;
    }
  };
  const sound = fc.tuple(fc.dictionary(fc.string(), fc.jsonValue()), fc.nat(2))
    .map(([value, indent]) => JSON.stringify(value, null, indent));
  /** One character changed, taken out or put in: mostly malformed, now and then not. */
  const nearly = fc.tuple(
    sound,
    fc.nat(),
    fc.nat(1),
    fc.constantFrom(...'{}[],:"\\0-.eE+tu \n', ""),
  )
    .map(([text, at, out, put]) => {
      const from = at % (text.length + 1);
      return text.slice(0, from) + put + text.slice(from + out);
    });
  fc.assert(
    fc.property(fc.oneof(sound, nearly), (text) => {
      // A lone surrogate becomes another character in UTF-8.
      const sent = new TextDecoder().decode(bytesOf(text));
      expect(isTaken(sent)).toBe(isObject(sent));
    }),
    { numRuns: 3_000 },
  );
});
