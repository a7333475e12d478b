import { expect } from "expect";
import { beginHistory, diagnose, type WakeHistory } from "./causes.ts";
import { type PodView, podView } from "./pod_view.ts";

type Status = Record<string, unknown>;
const NO_HISTORY = beginHistory([]);
const GRACE = { unschedulableGraceMs: 120_000 };

/** A pod as the API server has it. */
function pod(status: Status, name = "vllm-1", metadata: Status = {}): PodView {
  return podView({
    metadata: {
      ...{ name, uid: `uid-${name}`, resourceVersion: "1" },
      ...{ creationTimestamp: "2026-01-01T00:00:00Z", labels: { app: "vllm" }, ...metadata },
    },
    status,
  } as never);
}

const waiting = (reason: string, message = "") => ({
  containerStatuses: [{
    name: "engine",
    image: "vllm:v1",
    state: { waiting: { reason, message } },
  }],
});
const ended = (ends: number, reason: string, exitCode: number, over: Status = {}) => ({
  containerStatuses: [{
    ...{ name: "engine", image: "vllm:v1", restartCount: ends },
    lastState: { terminated: { reason, exitCode } },
    ...over,
  }],
});

/** Diagnoses one look after another, a second apart. */
function after(...looks: PodView[][]) {
  let history: WakeHistory = NO_HISTORY;
  let diagnosis;
  for (const [i, pods] of looks.entries()) {
    diagnosis = diagnose(pods, history, { nowMs: i * 1000, nowS: 1_767_225_600 + i, ...GRACE });
    history = diagnosis.history;
  }
  return diagnosis!;
}

const CAUSES: [string, PodView[][], string | undefined, RegExp?][] = [
  ["nothing", [[]], undefined],
  ["a pod that is created", [[pod(waiting("ContainerCreating"))]], undefined],
  [
    "an image name that is none",
    [[pod(waiting("InvalidImageName", "bad name"))]],
    "image",
    /bad name/,
  ],
  ["an image that is never pulled", [[pod(waiting("ErrImageNeverPull"))]], "image", /vllm:v1/],
  ["a first failed pull", [[pod(waiting("ErrImagePull", "not found"))]], undefined],
  [
    "one failed pull and its back-off",
    [[pod(waiting("ErrImagePull"))], [pod(waiting("ImagePullBackOff"))]],
    undefined,
  ],
  [
    "a second failed pull",
    [
      [pod(waiting("ErrImagePull"))],
      [pod(waiting("ImagePullBackOff"))],
      [pod(waiting("ErrImagePull", "manifest unknown"))],
    ],
    "image",
    /manifest unknown/,
  ],
  [
    "the same failed pull, told twice",
    [[pod(waiting("ErrImagePull"))], [pod(waiting("ErrImagePull"))]],
    undefined,
  ],
  ["one crash", [[pod(ended(1, "Error", 1))]], undefined],
  ["a second crash", [[pod(ended(2, "Error", 1))]], "crashed", /exit code 1/],
  [
    "a crash now, after one before",
    [[pod(ended(1, "Error", 1, { state: { terminated: { reason: "Error", exitCode: 3 } } }))]],
    "crashed",
    /exit code 3/,
  ],
  [
    "crashes of two pods",
    [[pod(ended(1, "Error", 1)), pod(ended(1, "Error", 2), "vllm-2")]],
    "crashed",
  ],
  ["out of memory twice", [[pod(ended(2, "OOMKilled", 137))]], "out_of_memory", /OOMKilled/],
  [
    "an init container that fails twice",
    [[pod({
      initContainerStatuses: [{
        ...{ name: "fetch", restartCount: 2 },
        lastState: { terminated: { reason: "Error", exitCode: 9 } },
      }],
    })]],
    "crashed",
    /init container fetch/,
  ],
  [
    "an init container that has done its work",
    [[pod({
      initContainerStatuses: [{
        ...{ name: "fetch", restartCount: 1 },
        state: { terminated: { reason: "Completed", exitCode: 0 } },
      }],
    })]],
    undefined,
  ],
  [
    "an evicted pod",
    [[pod({ phase: "Failed", reason: "Evicted", message: "low on memory" })]],
    "crashed",
    /Evicted: low on memory/,
  ],
  [
    "trouble of a pod that is leaving",
    [[pod(waiting("InvalidImageName"), "old", { deletionTimestamp: "2026-01-01T00:00:01Z" })]],
    undefined,
  ],
];

for (const [what, looks, kind, words] of CAUSES) {
  Deno.test(`diagnose() sees ${kind ?? "no failure"} in ${what}`, () => {
    const { failure } = after(...looks);
    expect(failure?.kind).toBe(kind);
    if (words) expect(failure?.message).toMatch(words);
  });
}

Deno.test("diagnose() gives a missing Secret ten seconds, and says when to look again", () => {
  const pods = [pod(waiting("CreateContainerConfigError", 'secret "hf" not found'))];
  const at = (nowMs: number, history: WakeHistory) =>
    diagnose(pods, history, { nowMs, nowS: 0, ...GRACE });
  const first = at(5_000, NO_HISTORY);
  expect([first.failure, first.lookAgainMs]).toEqual([undefined, 15_000]);
  expect(at(14_999, first.history).failure).toBe(undefined);
  expect(at(15_000, first.history).failure?.message).toMatch(/secret "hf" not found/);
});

Deno.test("diagnose() gives nodes their time to come", () => {
  const pods = [pod({
    conditions: [{
      ...{ type: "PodScheduled", status: "False", reason: "Unschedulable" },
      message: "0/2 nodes are available: 2 Insufficient nvidia.com/gpu.",
      lastTransitionTime: "2026-01-01T00:00:00Z",
    }],
  })];
  const nowS = Date.UTC(2026, 0, 1) / 1000;
  const early = diagnose(pods, NO_HISTORY, { nowMs: 60_000, nowS: nowS + 60, ...GRACE });
  expect([early.failure, early.lookAgainMs]).toEqual([undefined, 120_000]);
  const late = diagnose(pods, NO_HISTORY, { nowMs: 120_000, nowS: nowS + 120, ...GRACE });
  expect(late.failure).toMatchObject({ kind: "unschedulable" });
  expect(late.failure?.message).toMatch(/Insufficient nvidia\.com\/gpu/);
});

Deno.test("diagnose() does not count the crashes from before the wake", () => {
  const old = [pod(ended(7, "Error", 1))];
  const history = beginHistory(old);
  const look = (pods: PodView[]) =>
    diagnose(pods, history, { nowMs: 0, nowS: 0, ...GRACE }).failure;
  expect(look(old)).toBe(undefined);
  expect(look([pod(ended(8, "Error", 1))])).toBe(undefined);
  expect(look([pod(ended(9, "Error", 1))])?.kind).toBe("crashed");
});
