import { expect } from "expect";
import { beginHistory, diagnose, type WakeHistory } from "./causes.ts";
import { type PodView, podView } from "./pod_view.ts";
import { WakeSigns } from "./wake_signs.ts";

type Status = Record<string, unknown>;
const NO_HISTORY = beginHistory([]);
const SIGNS = new WakeSigns("vllm");
const GRACE = {
  unschedulableGraceMs: 120_000,
  signs: SIGNS,
  cannotCreate: undefined,
  isPaused: false,
};

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
    diagnosis = diagnose(pods, history, { nowMs: i * 1000, ...GRACE });
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
    "one evicted pod, whose container ended with it",
    [[pod({
      ...{ phase: "Failed", reason: "Evicted", message: "low on memory" },
      ...ended(0, "Error", 137, { state: { terminated: { reason: "Error", exitCode: 137 } } }),
    })]],
    undefined,
  ],
  [
    "a second evicted pod, when the first is gone",
    [
      [pod({ phase: "Failed", reason: "Evicted", message: "low on memory" })],
      [pod({ phase: "Failed", reason: "Evicted", message: "low on memory" }, "vllm-2")],
    ],
    "crashed",
    /pod vllm-2 failed: Evicted: low on memory/,
  ],
  [
    "a pod whose time is over, twice",
    [[
      pod({ phase: "Failed", reason: "DeadlineExceeded" }),
      pod({
        phase: "Failed",
        reason: "DeadlineExceeded",
        message: "Pod was active on the node longer than the specified deadline",
      }, "vllm-2"),
    ]],
    "crashed",
    /DeadlineExceeded/,
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
  const at = (nowMs: number, history: WakeHistory) => diagnose(pods, history, { nowMs, ...GRACE });
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
    }],
  })];
  const early = diagnose(pods, NO_HISTORY, { nowMs: 60_000, ...GRACE });
  expect([early.failure, early.lookAgainMs]).toEqual([undefined, 180_000]);
  const late = diagnose(pods, early.history, { nowMs: 180_000, ...GRACE });
  expect(late.failure).toMatchObject({ kind: "unschedulable" });
  expect(late.failure?.message).toMatch(/Insufficient nvidia\.com\/gpu/);
});

Deno.test("diagnose() does not count the crashes from before the wake", () => {
  const old = [pod(ended(7, "Error", 1))];
  const history = beginHistory(old);
  const look = (pods: PodView[]) => diagnose(pods, history, { nowMs: 0, ...GRACE }).failure;
  expect(look(old)).toBe(undefined);
  expect(look([pod(ended(8, "Error", 1))])).toBe(undefined);
  expect(look([pod(ended(9, "Error", 1))])?.kind).toBe("crashed");
});

const event = (reason: string, message = "", over: Status = {}) => ({
  ...{ kind: "Pod", name: "vllm-1", uid: "uid-vllm-1", isWarning: true, reason, message },
  ...over,
});

/** Diagnoses `pods` now and then, with what events told. */
function told(pods: PodView[], signs: WakeSigns, over: Status = {}) {
  let history = NO_HISTORY;
  return (nowMs: number) => {
    const diagnosis = diagnose(pods, history, { nowMs, ...GRACE, ...over, signs });
    history = diagnosis.history;
    return diagnosis;
  };
}

Deno.test("diagnose() gives a volume ten seconds, and forgets it once the pod goes on", () => {
  const signs = new WakeSigns("vllm");
  const at = told([pod(waiting("ContainerCreating"))], signs);
  signs.note(event("FailedMount", 'secret "hf" not found'));
  expect(at(1_000)).toMatchObject({ failure: undefined, lookAgainMs: 11_000 });
  expect(at(11_000).failure?.message).toMatch(/cannot mount a volume: secret "hf" not found/);
  signs.note(event("Pulling"));
  expect(at(500_000)).toMatchObject({ failure: undefined, lookAgainMs: Infinity });
});

Deno.test("diagnose() waits for a node that is being added, for as long as it is", () => {
  const signs = new WakeSigns("vllm");
  const unschedulable = {
    conditions: [{ type: "PodScheduled", status: "False", reason: "Unschedulable" }],
  };
  const at = told([pod(unschedulable)], signs);
  at(0);
  signs.note(event("TriggeredScaleUp", "pod triggered scale-up", { isWarning: false }));
  expect(at(300_000).failure).toBe(undefined);
  signs.note(event("NotTriggerScaleUp"));
  expect(at(310_000).failure).toBe(undefined);
  expect(at(430_000).failure?.kind).toBe("unschedulable");
});

Deno.test("diagnose() hears of pods that cannot be made, of its own workload only", () => {
  const refused = { kind: "StatefulSet", uid: "uid" };
  const signs = new WakeSigns("vllm");
  signs.note(event("FailedCreate", "quota", { ...refused, name: "vllm-big-5d4f" }));
  expect(signs.cannotCreate).toBe(undefined);
  signs.note(event("FailedCreate", "exceeded quota: gpus", { ...refused, name: "vllm" }));
  const at = told([], signs);
  expect(at(0)).toMatchObject({ failure: undefined, lookAgainMs: 1_000 });
  expect(at(1_000).failure).toMatchObject({ kind: "quota" });
  signs.note(event("SuccessfulCreate", "", { ...refused, name: "vllm" }));
  expect(at(2_000).failure).toBe(undefined);
});

Deno.test("diagnose() says that a paused Deployment makes no pods, if it makes none", () => {
  const none = told([], new WakeSigns("vllm"), { isPaused: true });
  expect(none(0).failure).toBe(undefined);
  expect(none(10_000).failure?.message).toMatch(/paused/);
  const some = told([pod({})], new WakeSigns("vllm"), { isPaused: true });
  some(0);
  expect(some(10_000).failure).toBe(undefined);
});

Deno.test("diagnose() says that a Service leads to none of the pods, once all of them are ready for long", () => {
  const ready = { conditions: [{ type: "Ready", status: "True" }] };
  const labels = { app: "vllm", "pod-template-hash": "5d4f" };
  const options = { emptyService: "service ai/web" };
  const at = told([pod(ready, "vllm-1", { labels })], new WakeSigns("vllm"), options);
  expect(at(0)).toMatchObject({ failure: undefined, lookAgainMs: 20_000 });
  expect(at(20_000).failure).toEqual({
    kind: "config",
    message:
      "pod vllm-1 is ready, but service ai/web leads to none of its pods. Give the Service a " +
      "selector that fits them (they have app=vllm) and a targetPort that they have",
  });
  // The one that it leads to may be the one that still loads: the head of several.
  const head = told([pod({}, "vllm-0"), pod(ready)], new WakeSigns("vllm"), options);
  head(0);
  expect(head(60_000).failure).toBe(undefined);
});
