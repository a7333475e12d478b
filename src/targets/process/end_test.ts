import { expect } from "expect";
import type { Exit } from "../../platform/processes.ts";
import { silentLog } from "../../telemetry/log.ts";
import { VirtualClock } from "../../testing/virtual_clock.ts";
import { failureOf } from "./end.ts";
import { createOutput } from "./output.ts";

function failure(exit: Partial<Exit>, text: string) {
  const output = createOutput(silentLog, new VirtualClock());
  output.take(new TextEncoder().encode(text), "stderr");
  output.end();
  return failureOf({ code: 0, signal: undefined, ...exit }, output);
}

Deno.test("failureOf() gives the error that was named, else the last line, else nothing", () => {
  expect(failure({ code: 1 }, "ValueError: bad\nbye")).toEqual({
    kind: "crashed",
    message: "the process exited with code 1 before it was ready: ValueError: bad",
  });
  expect(failure({ code: 2 }, "usage: vllm\n").message).toBe(
    "the process exited with code 2 before it was ready: usage: vllm",
  );
  expect(failure({ code: 139, signal: "SIGSEGV" }, "").message).toBe(
    "the process was killed by SIGSEGV before it was ready",
  );
  expect(failure({ code: 0 }, "").kind).toBe("crashed");
});

Deno.test("failureOf() tells missing memory, of the GPU and of the machine", () => {
  expect(failure({ code: 1 }, "RuntimeError: CUDA out of memory\nRuntimeError: x")).toEqual({
    kind: "out_of_memory",
    message: "the process exited with code 1 before it was ready: RuntimeError: CUDA out of memory",
  });
  expect(failure({ code: 137, signal: "SIGKILL" }, "loading")).toEqual({
    kind: "out_of_memory",
    message:
      "the process was killed by SIGKILL before it was ready, most likely for lack of memory: loading",
  });
  expect(failure({ code: 137 }, "").kind).toBe("out_of_memory");
});

Deno.test("failureOf() is bounded", () => {
  expect(failure({ code: 1 }, `Error: ${"x".repeat(5_000)}`).message.length).toBeLessThan(400);
});
