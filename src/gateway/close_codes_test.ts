import { expect } from "expect";
import { closeCodeOf, closeReason } from "./close_codes.ts";

Deno.test("closeReason() fits into a close frame, whole letters only", () => {
  expect(closeReason("short")).toBe("short");
  for (const letter of ["x", "ü", "語", "😀"]) {
    const text = closeReason(letter.repeat(200));
    expect(new TextEncoder().encode(text).length).toBeLessThanOrEqual(123);
    expect(text).toMatch(new RegExp(`^(${letter})+…$`, "u"));
  }
});

Deno.test("closeCodeOf() tells what may be tried again from what may not", () => {
  expect(closeCodeOf({ status: 503 })).toBe(1013);
  expect(closeCodeOf({ status: 429 })).toBe(1013);
  expect(closeCodeOf({ status: 404 })).toBe(1008);
  expect(closeCodeOf({ status: 413 })).toBe(1009);
  expect(closeCodeOf({ status: 502 })).toBe(1011);
  expect(closeCodeOf({ status: 500 })).toBe(1011);
});
