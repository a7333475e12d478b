import { expect } from "expect";
import fc from "fast-check";
import { formatSize, parseSize, SIZE_PATTERN } from "./size.ts";

Deno.test("parseSize() reads what people write", () => {
  const table: [string, number][] = [
    ["64MiB", 67_108_864],
    ["1KiB", 1024],
    ["2GiB", 2_147_483_648],
    ["1KB", 1000],
    ["10MB", 10_000_000],
    ["1GB", 1_000_000_000],
    ["1.5GiB", 1_610_612_736],
    ["0.001KB", 1],
    ["0KiB", 0],
  ];
  for (const [text, bytes] of table) expect([text, parseSize(text)]).toEqual([text, bytes]);
});

Deno.test("parseSize() says what to write instead", () => {
  const table: [string, RegExp][] = [
    ["64", /'64' needs a unit: write 64KiB, 64MiB or 64GiB/],
    ["64M", /'64M' is not a size: write e.g. 64MiB/],
    ["64Mi", /not a size/],
    ["64 MiB", /not a size/],
    ["64mib", /not a size/],
    ["-1MiB", /not a size/],
    ["", /not a size/],
    ["1.1KiB", /not a whole number of bytes/],
    ["99999999GiB", /too large/],
    ["9".repeat(400) + "GiB", /too large/],
  ];
  for (const [text, message] of table) expect(() => parseSize(text)).toThrow(message);
});

Deno.test("formatSize() is read back as the same number of bytes", () => {
  const bytes = fc.oneof(
    fc.integer({ min: 0, max: 2 ** 31 - 1 }),
    fc.integer({ min: 0, max: 4096 }).map((n) => n * 1024 ** 2),
    fc.integer({ min: 0, max: 4096 }).map((n) => n * 1000),
  );
  fc.assert(
    fc.property(bytes, (n) => {
      expect(formatSize(n)).toMatch(SIZE_PATTERN);
      expect(parseSize(formatSize(n))).toBe(n);
    }),
    { numRuns: 1000 },
  );
});

Deno.test("formatSize() prefers whole units", () => {
  expect(formatSize(64 * 1024 ** 2)).toBe("64MiB");
  expect(formatSize(1536 * 1024 ** 2)).toBe("1536MiB");
  expect(formatSize(3_000_000)).toBe("3MB");
  expect(formatSize(1)).toBe("0.001KB");
});
