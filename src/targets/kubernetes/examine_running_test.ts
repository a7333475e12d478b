import { expect } from "expect";
import { examineRunning } from "./examine_running.ts";
import { podView } from "./pod_view.ts";

const METADATA = { name: "vllm-1", uid: "1", resourceVersion: "1" };

function found(status: Record<string, unknown>): string[] {
  return examineRunning([podView({ metadata: METADATA, status } as never)]).map(({ text }) => text);
}

const engine = (state: unknown, lastState = {}) => ({
  containerStatuses: [{ name: "engine", restartCount: 1, state, lastState }],
});

Deno.test("examineRunning() says how a container ended that waits to be started again", () => {
  const terminated = { reason: "OOMKilled", exitCode: 137 };
  const waiting = { reason: "CrashLoopBackOff" };
  expect(found(engine({ waiting }, { terminated }))).toEqual([
    "container engine of pod vllm-1 keeps crashing: OOMKilled with exit code 137. " +
    "Raise the memory limit of that container, or let the engine use less",
  ]);
  expect(found(engine({ terminated: { exitCode: 1, message: "no such model" } }))).toEqual([
    "container engine of pod vllm-1 keeps crashing: ended with exit code 1: no such model",
  ]);
});

Deno.test("examineRunning() says why a pod has failed, and nothing of those that run", () => {
  expect(found({ phase: "Failed", reason: "Evicted", message: "low on memory" })).toEqual([
    expect.stringMatching(/^pod vllm-1 failed: Evicted: low on memory\. Let/),
  ]);
  const terminated = { reason: "Error", exitCode: 1 };
  expect(found(engine({ running: {} }, { terminated }))).toEqual([]);
  expect(found({})).toEqual([]);
});
