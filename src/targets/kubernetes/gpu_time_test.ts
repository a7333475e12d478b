/** The record of GPU time: what goes by is added, by day, and it is read back as it was written. */
import { expect } from "expect";
import {
  changed,
  type GpuRecord,
  gpuTimeOf as timeOf,
  gpuTotalOf,
  parseGpuRecord,
  printGpuRecord,
} from "./gpu_time.ts";

const HOUR = 3_600_000;
const at = (text: string) => Date.parse(`2026-11-${text}:00Z`);

const gpuTimeOf = (record: GpuRecord, nowMs: number) => ({
  ...timeOf(record, nowMs),
  total: gpuTotalOf(record, nowMs),
});

/** Woken and put to sleep at these moments; 8 GPUs. */
function record(...moments: string[]): GpuRecord {
  let record: GpuRecord | undefined;
  moments.forEach((moment, i) => record = changed(record, i % 2 ? 0 : 8, 8, at(moment)));
  return parseGpuRecord(printGpuRecord(record!))!;
}

Deno.test("the GPU time of a model is what it held and what it left free", () => {
  const woken = record("28T10:00");
  expect(gpuTimeOf(woken, at("28T10:30"))).toEqual({
    ...{ count: 8, total: { up: 14_400, freed: 0 } },
    ...{ today: { up: 14_400, freed: 0 }, week: { up: 14_400, freed: 0 } },
  });
  const slept = record("28T10:00", "28T11:00");
  expect(gpuTimeOf(slept, at("28T14:00")).today).toEqual({ up: 28_800, freed: 86_400 });
  // Read twice it is the same; a clock that is behind takes nothing away.
  expect(gpuTimeOf(slept, at("28T14:00"))).toEqual(gpuTimeOf(slept, at("28T14:00")));
  expect(gpuTimeOf(slept, at("28T09:00")).total).toEqual({ up: 28_800, freed: 0 });
});

Deno.test("the GPU time of each day is its own, and those of a week are kept", () => {
  const slept = record("18T00:00", "19T00:00", "26T12:00", "27T12:00");
  const { today, week, total } = gpuTimeOf(slept, at("28T06:00"));
  expect(today).toEqual({ up: 0, freed: 8 * 6 * 3_600 });
  // From the 22nd on: asleep but for a day.
  expect(week).toEqual({ up: 8 * 24 * 3_600, freed: 8 * (4.5 + 0.5 + 0.25) * 86_400 });
  expect(total).toEqual({ up: 8 * 2 * 86_400, freed: 8 * (7.5 + 0.75) * 86_400 });
  const text = printGpuRecord(changed(slept, 8, 8, at("28T06:00")));
  expect(Object.keys(JSON.parse(text).days)).toEqual([
    ...["22", "23", "24", "25", "26", "27", "28"].map((day) => `2026-11-${day}`),
  ]);
  expect(text.length).toBeLessThan(400);
  // After a month without a gateway it is still read at once.
  expect(gpuTimeOf(slept, at("28T06:00") + 24 * 31 * HOUR).week.freed).toBeGreaterThan(0);
});

Deno.test("parseGpuRecord() takes nothing that is not whole for a record", () => {
  const whole = printGpuRecord(record("28T10:00"));
  expect(parseGpuRecord(whole)).toBeDefined();
  for (
    const text of [undefined, "", "{}", "[]", "null", whole.replace("8", '"x"'), whole.slice(1)]
  ) expect(parseGpuRecord(text)).toBe(undefined);
  expect(parseGpuRecord(whole.replace('"held":8', '"held":-8'))).toBe(undefined);
});
