import { expect } from "expect";
import fc from "fast-check";
import { silentLog } from "../../telemetry/log.ts";
import { VirtualClock } from "../../testing/virtual_clock.ts";
import { createOutput } from "./output.ts";

function output() {
  const clock = new VirtualClock();
  const lines: string[] = [];
  const warnings: unknown[] = [];
  const made = createOutput({
    ...silentLog,
    info: (line, fields) => void lines.push(`${fields?.stream}: ${line}`),
    warn: (_, fields) => void warnings.push(fields),
  }, clock);
  const take = (text: string) => made.take(new TextEncoder().encode(text), "stdout");
  return { output: made, take, clock, lines, warnings };
}

Deno.test("lines are logged with their stream, the last without an end too", () => {
  const { output: { take, end }, lines } = output();
  take(new TextEncoder().encode("one\ntw"), "stdout");
  take(new TextEncoder().encode("err\n"), "stderr");
  take(new TextEncoder().encode("o\r\n\n  three  "), "stdout");
  end();
  expect(lines).toEqual(["stdout: one", "stderr: err", "stdout: two", "stdout:   three"]);
});

Deno.test("of a progress bar only the last version counts", () => {
  const { take, lines } = output();
  take("load  0%\rload 50%\r");
  take("load 100%\ndone\r\n");
  expect(lines).toEqual(["stdout: load 100%", "stdout: done"]);
});

Deno.test("a line without end is cut, and what is kept of it bounded", () => {
  const { take, lines, output: { tail } } = output();
  for (let i = 0; i < 100; i++) take("x".repeat(1_000));
  take("\nnext\n");
  expect(lines).toEqual([`stdout: ${"x".repeat(1_000)}…`, "stdout: next"]);
  expect(tail.length).toBe(2);
});

Deno.test("lines do not depend on how the bytes were cut into chunks", () => {
  const text = fc.array(fc.constantFrom("a", "é", "😀", "\n", "\r\n", "\r", " "), {
    maxLength: 40,
  });
  fc.assert(
    fc.property(text, fc.array(fc.nat(5)), (parts, cuts) => {
      const bytes = new TextEncoder().encode(parts.join(""));
      const whole = output();
      whole.output.take(bytes, "stdout");
      whole.output.end();
      const cut = output();
      let at = 0;
      for (const length of cuts) {
        cut.output.take(bytes.subarray(at, at + length), "stdout");
        at = Math.min(at + length, bytes.length);
      }
      cut.output.take(bytes.subarray(at), "stdout");
      cut.output.end();
      expect(cut.lines).toEqual(whole.lines);
    }),
    { numRuns: 300 },
  );
});

Deno.test("a flood is left out of the log, counted, and still read", async () => {
  const { take, clock, lines, warnings, output: { tail, end } } = output();
  for (let i = 0; i < 1_000; i++) take(`line ${i}\n`);
  expect(lines.length).toBe(200);
  expect(tail.at(-1)).toBe("line 999");
  expect(tail.length).toBe(20);
  await clock.advance(1_000);
  take("later\n");
  expect(lines.at(-1)).toBe("stdout: later");
  expect(warnings).toEqual([{ lines: 800 }]);
  for (let i = 0; i < 300; i++) take("again\n");
  end();
  expect(warnings.at(-1)).toEqual({ lines: 101 });
});

Deno.test("the error is the last line that names one, not vLLM's front about its engine", () => {
  const { take, output } = outputOf();
  take("ERROR 11-24 13:00:00 [core.py:708] Traceback (most recent call last):\n");
  take("(EngineCore pid=7) ERROR 11-24 [core.py:708] ValueError: head size 16\n");
  take("RuntimeError: Engine core initialization failed. See root cause above.\n");
  take("INFO bye\n");
  expect(output.error).toBe("ValueError: head size 16");
  expect(output.outOfMemory).toBeUndefined();
});

Deno.test("missing memory is found however it is told", () => {
  for (
    const line of [
      "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB",
      "cudaMalloc failed: out of memory",
      "ValueError: No available memory for the cache blocks. Try increasing it",
      "ValueError: Free memory on device (1/80 GiB) on startup is less than desired",
    ]
  ) {
    const { take, output } = outputOf();
    take(`ERROR [core.py:1] ${line}\nRuntimeError: later\n`);
    expect(output.outOfMemory).toContain(line);
  }
});

function outputOf() {
  const { take, output: made } = output();
  return { take, output: made };
}
