import { expect } from "expect";
import { progressOf } from "./phases.ts";
import { type PodView, podView } from "./pod_view.ts";
import { WakeSigns } from "./wake_signs.ts";

type Status = Record<string, unknown>;

function pod(status: Status, name = "vllm-1", node?: string): PodView {
  return podView({
    metadata: { name, uid: `uid-${name}`, resourceVersion: "1" },
    spec: node === undefined ? {} : { nodeName: node },
    status,
  } as never);
}

const engine = (state: Status) => ({
  containerStatuses: [{ name: "engine", image: "vllm:v1", state }],
});
const CREATING = engine({ waiting: { reason: "ContainerCreating" } });
const event = (reason: string, isWarning = false) => ({
  ...{ kind: "Pod", name: "vllm-1", uid: "uid-vllm-1", isWarning, reason, message: "words" },
});
const UNSCHEDULABLE = {
  conditions: [{
    ...{ type: "PodScheduled", status: "False", reason: "Unschedulable", message: "no gpu" },
  }],
};

const PHASES: [string, PodView[], string[], string, RegExp][] = [
  ["no pod", [], [], "scheduling", /^it has no pods yet$/],
  ["a pod that no node takes", [pod(UNSCHEDULABLE)], [], "scheduling", /vllm-1: no gpu/],
  [
    "a node on its way",
    [pod(UNSCHEDULABLE)],
    ["TriggeredScaleUp"],
    "scheduling",
    /a node is being added/,
  ],
  ["a pod on a node", [pod(CREATING, "vllm-1", "a")], [], "starting", /vllm-1 on node a/],
  ["an image under way", [pod(CREATING, "vllm-1", "a")], ["Pulling"], "pulling", /vllm:v1/],
  [
    "an image that is there",
    [pod(CREATING, "vllm-1", "a")],
    ["Pulling", "Pulled"],
    "starting",
    /made/,
  ],
  [
    "a pull that failed once",
    [pod(engine({ waiting: { reason: "ImagePullBackOff" } }), "vllm-1", "a")],
    [],
    "pulling",
    /vllm:v1/,
  ],
  ["a container that runs", [pod(engine({ running: {} }), "vllm-1", "a")], [], "loading", /runs/],
  [
    "one pod further than the other",
    [pod(UNSCHEDULABLE, "vllm-2"), pod(engine({ running: {} }), "vllm-1", "a")],
    [],
    "loading",
    /vllm-1/,
  ],
];

for (const [what, pods, reasons, phase, words] of PHASES) {
  Deno.test(`progressOf() says ${phase} of ${what}`, () => {
    const signs = new WakeSigns("vllm");
    for (const reason of reasons) signs.note(event(reason));
    const progress = progressOf(pods, signs, {
      none: "it has no pods yet",
      unreached: "nobody answers",
    });
    expect(progress.phase).toBe(phase);
    expect(progress.detail).toMatch(words);
  });
}

Deno.test("progressOf() shows the last warning, which may be no cause", () => {
  const signs = new WakeSigns("vllm");
  signs.note(event("FailedCreatePodSandBox", true));
  const { detail } = progressOf([pod(CREATING, "vllm-1", "a")], signs, {
    none: "none",
    unreached: "",
  });
  expect(detail).toMatch(/FailedCreatePodSandBox: words/);
});

Deno.test("progressOf() says what a container that runs is waited for", () => {
  const status = engine({ running: {} });
  const readinessProbe = { httpGet: { path: "/health", port: 8001 } };
  const object = (more: object) => ({
    metadata: { name: "vllm-1", uid: "1", resourceVersion: "1" },
    spec: { nodeName: "a", containers: [{ name: "engine", readinessProbe }] },
    status: { ...status, ...more },
  });
  const detail = (more: object) =>
    progressOf([podView(object(more) as never)], new WakeSigns("vllm"), {
      ...{ none: "", unreached: "nobody leads to it" },
    }).detail;
  expect(detail({})).toBe(
    "pod vllm-1 on node a: its container engine runs and is not ready yet: it loads, or its " +
      "readinessProbe (GET :8001/health) asks in the wrong place",
  );
  expect(detail({ conditions: [{ type: "Ready", status: "True" }] })).toBe(
    "pod vllm-1 on node a: ready, but nobody leads to it",
  );
});
