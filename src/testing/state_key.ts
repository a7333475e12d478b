/** What tells two moments of an explored world apart: times count from now, and those long past are one. */
import type { State } from "../activator/state.ts";

const FAR_MS = 200_000;

export function sinceKey(atMs: number, nowMs: number): number {
  return Math.round(Math.max(-FAR_MS, Math.min(FAR_MS, atMs - nowMs)));
}

/** Without what changes nothing: reasons, and since when. */
export function stateKey(state: State | undefined, nowMs: number): unknown[] {
  return Object.entries({ ...state, reason: "", sinceMs: 0, phases: 0 }).map(([key, value]) => [
    key,
    /Ms$/.test(key) && Number.isFinite(value) ? Math.round(Number(value) - nowMs) : value,
  ]);
}

/** JSON of it, `Infinity` included. */
export function keyOf(parts: unknown[]): string {
  return JSON.stringify(parts, (_, value) => value === Infinity ? "never" : value);
}
