import { expect } from "expect";
import { sentenceOf } from "./announce.js";

Deno.test("sentenceOf() names a few models, and counts many", () => {
  expect(sentenceOf(new Map([["a", "waking"], ["b", "asleep"]]))).toBe("a is waking. b is asleep.");
  const many = Array.from({ length: 7 }, (_, i) => [`m${i}`, i < 3 ? "waking" : "asleep"] as const);
  expect(sentenceOf(new Map(many))).toBe("7 models have changed: 3 waking, 4 asleep.");
});
