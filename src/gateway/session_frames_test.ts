import { expect } from "expect";
import type { RequestError } from "./request_error.ts";
import { greeting, isGreeting, namedModel, renamed, renamedSearch } from "./session_frames.ts";

function codeOf(act: () => unknown): string | undefined {
  try {
    act();
  } catch (error) {
    return (error as RequestError).code;
  }
}

Deno.test("namedModel() reads the model of a first frame that is whole", () => {
  expect(namedModel('{"type":"session.update","model":"m"}')).toBe("m");
  expect(namedModel('{"type":"session.update","session":{"model":"m"}}')).toBe(undefined);
  const table: [string | ArrayBuffer, string][] = [
    ['{"model":"m"', "invalid_json"],
    ['{"model":"m","x":tru}', "invalid_json"],
    ['{"model":"m","model":"n"}', "invalid_json"],
    ["hello", "invalid_json"],
    [new ArrayBuffer(2), "missing_required_parameter"],
    [`{"model":"m","x":"${"x".repeat(2 ** 20)}"}`, "missing_required_parameter"],
  ];
  for (const [frame, code] of table) {
    expect([frame, codeOf(() => namedModel(frame))]).toEqual([frame, code]);
  }
});

Deno.test("renamed() replaces the model's name and nothing else", () => {
  const rename = (model: string) => model === "m" ? "org/M" : undefined;
  expect(renamed('{ "model" :"m","n":1e400, "ü":"\\u00fc"}', rename))
    .toBe('{ "model" :"org/M","n":1e400, "ü":"\\u00fc"}');
  for (const frame of ['{"model":"other"}', '{"type":"x"}', '{"model":"m"', "m"]) {
    expect(renamed(frame, rename)).toBe(frame);
  }
  const bytes = new ArrayBuffer(3);
  expect(renamed(bytes, rename)).toBe(bytes);
});

Deno.test("renamedSearch() replaces the value of `model` and nothing else", () => {
  const table: [string, string][] = [
    ["?model=m", "?model=a%2Fb%20%24%26"],
    ["?x=%2f&model=m&model_2=m", "?x=%2f&model=a%2Fb%20%24%26&model_2=m"],
    ["?xmodel=m", "?xmodel=m"],
    ["", ""],
  ];
  for (const [search, expected] of table) expect(renamedSearch(search, "a/b $&")).toBe(expected);
});

Deno.test("isGreeting() knows a greeting, ours or an engine's", () => {
  expect(isGreeting(greeting("1", 1_700_000_000_900))).toBe(true);
  expect(JSON.parse(greeting("1", 1_700_000_000_900)).created).toBe(1_700_000_000);
  for (const frame of ['{"type":"session.updated"}', "null", "hello", new ArrayBuffer(1)]) {
    expect(isGreeting(frame)).toBe(false);
  }
});
