import { expect } from "expect";
import fc from "fast-check";
import { countChatTokens, countTokens, detokenize, promptText, tokenize } from "./tokenizer.ts";

Deno.test("detokenize() gives back what tokenize() took", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => {
      const tokens = tokenize(text);
      expect(tokens.length).toBe(countTokens(text));
      expect(detokenize(tokens)).toBe(text);
    }),
    { numRuns: 300 },
  );
});

Deno.test("detokenize() takes any number for a token", () => {
  fc.assert(
    fc.property(fc.array(fc.double()), (tokens) => {
      expect(typeof detokenize(tokens)).toBe("string");
    }),
    { numRuns: 300 },
  );
});

Deno.test("promptText() finds the text in every form of a prompt", () => {
  for (
    const [prompt, text] of [
      ["Hello", "Hello"],
      [["Hello", " world"], "Hello world"],
      [tokenize("Hello"), "Hello"],
      [[{ role: "user", content: "Hello" }], "Hello"],
      [{ role: "user", content: [{ type: "text", text: "a" }, { type: "image_url" }] }, "a"],
      [null, ""],
    ] as const
  ) {
    expect(promptText(prompt)).toBe(text);
  }
});

Deno.test("countChatTokens() counts the template with the words", () => {
  expect(countChatTokens([])).toBe(3);
  expect(countChatTokens([{ role: "user", content: "12345678" }])).toBe(8);
});
