import { expect } from "expect";
import { renameModel } from "./fields.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const token = { start: 2, end: 5 };

for (
  const [format, name, want] of [
    ["json", 'a"\\é', 'xx"a\\"\\\\é"yy'],
    ["multipart", 'a"\\é', 'xxa"\\éyy'],
    ["multipart", "", "xxyy"],
  ] as const
) {
  Deno.test(`renameModel() puts ${JSON.stringify(name)} into ${format}`, () => {
    const body = encode("xx'm'yy");
    const renamed = renameModel(
      body,
      { model: "m", stream: false, modelToken: token },
      name,
      format,
    );
    expect(new TextDecoder().decode(renamed)).toBe(want);
    expect(body).toEqual(encode("xx'm'yy"));
  });
}

Deno.test("renameModel() gives back the body itself where it names no model", () => {
  const body = encode("{}");
  expect(renameModel(body, { model: undefined, stream: false }, "m", "json")).toBe(body);
});
