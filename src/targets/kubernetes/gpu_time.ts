/**
 * The record of a workload's GPU time, pure: since when it holds how many GPUs, and what that came to before. It is
 * written when that changes, and read at any time; whoever reads it adds what has gone by since.
 */
import type { GpuSeconds, GpuTime } from "../../activator/target_details.ts";

export interface GpuRecord {
  /** Since when, by the clock on the wall. */
  readonly atMs: number;
  /** GPUs it holds since then; 0: none. */
  readonly held: number;
  /** GPUs it holds when it is up. */
  readonly size: number;
  readonly total: GpuSeconds;
  /** By date (UTC), e.g. `2026-11-28`; the last `DAYS` of them. */
  readonly days: Readonly<Record<string, GpuSeconds>>;
}

const DAYS = 7;
const DAY_MS = 24 * 3_600_000;
const NONE: GpuSeconds = { up: 0, freed: 0 };

/** Undefined if it is none of ours. */
export function parseGpuRecord(text: string | undefined): GpuRecord | undefined {
  if (text === undefined) return undefined;
  try {
    const { at, held, size, total, days } = JSON.parse(text);
    const atMs = Date.parse(at);
    const record = { atMs, held, size, total: pairOf(total), days: mapValues(days, pairOf) };
    const numbers = [
      atMs,
      held,
      size,
      ...[record.total, ...Object.values(record.days)].flatMap(
        ({ up, freed }) => [up, freed],
      ),
    ];
    return numbers.every((number) => Number.isFinite(number) && number >= 0) ? record : undefined;
  } catch {
    return undefined;
  }
}

export function printGpuRecord({ atMs, held, size, total, days }: GpuRecord): string {
  const pair = ({ up, freed }: GpuSeconds) => [up, freed].map((s) => Math.round(s * 10) / 10);
  return JSON.stringify({
    ...{ at: new Date(atMs).toISOString(), held, size },
    ...{ total: pair(total), days: mapValues(days, pair) },
  });
}

/** From `atMs` on it holds `held` GPUs, of the `size` that it holds when it is up. */
export function changed(
  record: GpuRecord | undefined,
  held: number,
  size: number,
  atMs: number,
): GpuRecord {
  if (!record) return { atMs, held, size, total: NONE, days: {} };
  return { ...settled(record, atMs), held, size };
}

/** Since the record began. */
export function gpuTotalOf(record: GpuRecord, nowMs: number): GpuSeconds {
  return nowMs > record.atMs
    ? plus(record.total, during(record, nowMs - record.atMs))
    : record.total;
}

/** By day. */
export function gpuTimeOf(record: GpuRecord, nowMs: number): Omit<GpuTime, "total"> {
  const { size: count, days } = settled(record, nowMs);
  const kept = Object.entries(days).filter(([date]) => date >= dateOf(nowMs - (DAYS - 1) * DAY_MS));
  return {
    ...{ count, today: days[dateOf(nowMs)] ?? NONE },
    week: kept.reduce((sum, [, day]) => plus(sum, day), NONE),
  };
}

/** The record as of `nowMs`. A clock that is behind that of whoever wrote it adds nothing. */
function settled(record: GpuRecord, nowMs: number): GpuRecord {
  const { atMs } = record;
  if (nowMs <= atMs) return record;
  const firstMs = midnight(nowMs) - (DAYS - 1) * DAY_MS;
  const days = Object.fromEntries(
    Object.entries(record.days).filter(([date]) => date >= dateOf(firstMs)),
  );
  for (let ms = Math.max(atMs, firstMs); ms < nowMs;) {
    const endMs = Math.min(midnight(ms) + DAY_MS, nowMs);
    days[dateOf(ms)] = plus(days[dateOf(ms)] ?? NONE, during(record, endMs - ms));
    ms = endMs;
  }
  return { ...record, atMs: nowMs, total: gpuTotalOf(record, nowMs), days };
}

/** Of so many ms as the record has it. */
function during({ held, size }: GpuRecord, ms: number): GpuSeconds {
  return held > 0 ? { up: held * ms / 1_000, freed: 0 } : { up: 0, freed: size * ms / 1_000 };
}

function plus(a: GpuSeconds, b: GpuSeconds): GpuSeconds {
  return { up: a.up + b.up, freed: a.freed + b.freed };
}

function midnight(ms: number): number {
  return Math.floor(ms / DAY_MS) * DAY_MS;
}

function dateOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

function pairOf([up, freed]: readonly [number, number]): GpuSeconds {
  return { up, freed };
}

function mapValues<A, B>(record: Readonly<Record<string, A>>, to: (a: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, to(value)]));
}
