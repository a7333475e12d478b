import { expect } from "expect";
import fc from "fast-check";
import { DURATION_MAX_MS, DURATION_PATTERN, formatDuration, parseDuration } from "./duration.ts";

Deno.test("parseDuration() reads what people write", () => {
  const table: [string, number][] = [
    ["500ms", 500],
    ["90s", 90_000],
    ["5m", 300_000],
    ["1h30m", 5_400_000],
    ["1h2m3s4ms", 3_723_004],
    ["1.5h", 5_400_000],
    ["0.1s", 100],
    ["0s", 0],
    ["8760h", DURATION_MAX_MS],
  ];
  for (const [text, ms] of table) expect([text, parseDuration(text)]).toEqual([text, ms]);
});

Deno.test("parseDuration() says what to write instead", () => {
  const table: [string, RegExp][] = [
    ["30", /'30' needs a unit: write 30ms, 30s, 30m or 30h/],
    ["-1", /needs a unit/],
    ["", /'' is not a duration/],
    ["5 m", /not a duration/],
    ["5min", /not a duration/],
    ["-5m", /not a duration/],
    ["30m1h", /not a duration/],
    ["1m1m", /not a duration/],
    ["2d", /not a duration/],
    ["5M", /not a duration/],
    [".5s", /not a duration/],
    ["0.5ms", /not a whole number of milliseconds/],
    ["8761h", /longer than a year/],
    ["9".repeat(400) + "h", /longer than a year|whole number/],
    ["never", /'never' is not allowed here/],
  ];
  for (const [text, message] of table) expect(() => parseDuration(text)).toThrow(message);
});

Deno.test("parseDuration() reads never only where it is allowed", () => {
  expect(parseDuration("never", { never: true })).toBe(Infinity);
  expect(formatDuration(Infinity)).toBe("never");
});

Deno.test("formatDuration() is read back as the same time, in its shortest form", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: DURATION_MAX_MS }), (ms) => {
      const text = formatDuration(ms);
      expect(text).toMatch(DURATION_PATTERN);
      expect(parseDuration(text)).toBe(ms);
      expect(text).not.toMatch(/(^|[a-z])0[a-z]+./);
    }),
    { numRuns: 500 },
  );
});

Deno.test("parseDuration() takes any text as a time or refuses it with a message", () => {
  const almost = fc.stringMatching(/^[-+ 0-9.hms]{0,8}$/);
  fc.assert(
    fc.property(almost, (text) => {
      let ms: number;
      try {
        ms = parseDuration(text);
      } catch (error) {
        expect((error as Error).message).toContain(`'${text}'`);
        return;
      }
      expect(Number.isInteger(ms) && ms >= 0 && ms <= DURATION_MAX_MS).toBe(true);
      expect(parseDuration(formatDuration(ms))).toBe(ms);
    }),
    { numRuns: 1000 },
  );
});
