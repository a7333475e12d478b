/** What `deno test` said at its end, as numbers. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
}

/** `FAILED | 3 passed (2 steps) | 1 failed | 1 ignored (2s)`, in colour or not. */
const SUMMARY = /^(?:ok|FAILED) \| (\d+) passed(?: \([^)]*\))? \| (\d+) failed/gm;

// deno-lint-ignore no-control-regex
const COLOURS = /\x1b\[[\d;]*m/g;

/**
 * Reads the last summary in `output`. A run that ended badly never counts as flawless: one that did
 * not start, crashed on its way, or tested nothing is one failure.
 */
export function countTests(output: string, exitCode: number): Counts {
  const summary = [...output.replace(COLOURS, "").matchAll(SUMMARY)].at(-1);
  const passed = Number(summary?.[1] ?? 0);
  const failed = Number(summary?.[2] ?? 0);
  const wrong = exitCode !== 0 || passed + failed === 0;
  return { passed, failed: wrong ? Math.max(failed, 1) : failed };
}
