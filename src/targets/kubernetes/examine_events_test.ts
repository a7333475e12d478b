import { expect } from "expect";
import { type EventObject, examineEvents } from "./examine_events.ts";

const NOW_MS = Date.parse("2026-01-01T01:00:00Z");

function event(
  name: string,
  reason: string,
  message: string,
  lastTimestamp = "2026-01-01T00:58:00Z",
  type = "Warning",
): EventObject {
  const metadata = { name: "e", uid: "e", resourceVersion: "1" };
  return { metadata, involvedObject: { kind: "Pod", name }, type, reason, message, lastTimestamp };
}

const POD = "vllm-5d4f8b9c7d-x8abc";
const PULL = 'Failed to pull image "vllm:v9": not found';

function texts(...events: EventObject[]): string[] {
  return examineEvents("vllm", events, NOW_MS).map(({ text }) => text);
}

Deno.test("examineEvents() tells the latest of each trouble, with what to do", () => {
  const events = [
    event(POD, "Failed", PULL, "2026-01-01T00:40:00Z"),
    event(POD, "Failed", PULL, "2026-01-01T00:59:50Z"),
    event(POD, "Failed", "Error: ErrImagePull", "2026-01-01T00:59:55Z"),
    event("vllm-5d4f8b9c7d", "FailedCreate", "exceeded quota: none"),
  ];
  expect(texts(...events)).toEqual([
    `less than a minute ago, pod ${POD}: Failed: ${PULL}`,
    "2 minutes ago, pod vllm-5d4f8b9c7d: FailedCreate: exceeded quota: none",
  ]);
  expect(examineEvents("vllm", events, NOW_MS)[0]).toMatchObject({
    level: "warn",
    remedy: expect.stringMatching(/^correct the image/),
  });
});

Deno.test("examineEvents() knows whose events they are", () => {
  const words = ["FailedScheduling", "0/2 nodes"] as const;
  for (const name of ["vllm", "vllm-0", "vllm-5d4f8b9c7d", POD]) {
    expect(texts(event(name, ...words))).toHaveLength(1);
  }
  for (const name of ["vllm-big-5d4f8b9c7d-x8abc", "vllmx-0", "other"]) {
    expect(texts(event(name, ...words))).toEqual([]);
  }
});

Deno.test("examineEvents() leaves out what is no trouble", () => {
  expect(texts(
    event(POD, "FailedScheduling", "0/2 nodes", undefined, "Normal"),
    event(POD, "Killing", "Stopping container"),
    event(POD, "Unhealthy", "Liveness probe failed"),
  )).toEqual([]);
});
