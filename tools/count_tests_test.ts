import { expect } from "expect";
import { countTests } from "./count_tests.ts";

Deno.test("countTests() reads the summary, with steps, ignored tests and colours", () => {
  for (
    const [line, passed, failed] of [
      ["ok | 9 passed | 0 failed (181ms)", 9, 0],
      ["ok | 12 passed (3 steps) | 0 failed | 2 ignored (1s)", 12, 0],
      ["\x1b[0m\x1b[32mok\x1b[0m | 7 passed | 0 failed \x1b[38;5;245m(8ms)\x1b[0m", 7, 0],
    ] as const
  ) expect(countTests(`running\n\n${line}\n\n`, 0)).toEqual({ passed, failed });
  expect(countTests("FAILED | 4 passed | 3 failed (1 step) (2s)\n\nerror: Test failed\n", 1))
    .toEqual({ passed: 4, failed: 3 });
});

Deno.test("countTests() believes the last summary: a test may print one too", () => {
  const output = "ok | 99 passed | 0 failed (1ms)\n...\nFAILED | 1 passed | 2 failed (3ms)\n";
  expect(countTests(output, 1)).toEqual({ passed: 1, failed: 2 });
});

Deno.test("countTests() never calls a run flawless that ended badly", () => {
  expect(countTests("error: Module not found\n", 1)).toEqual({ passed: 0, failed: 1 });
  expect(countTests("ok | 5 passed | 0 failed (1ms)\n", 134)).toEqual({ passed: 5, failed: 1 });
  expect(countTests("", 0)).toEqual({ passed: 0, failed: 1 });
  expect(countTests("ok | 0 passed | 0 failed (0ms)\n", 0)).toEqual({ passed: 0, failed: 1 });
});
