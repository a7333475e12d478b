import { expect } from "expect";
import { examineNodes, examineQuotas, type NodeObject } from "./examine_room.ts";
import type { PodTemplate } from "./pod_template.ts";

const METADATA = { name: "a", uid: "a", resourceVersion: "1" };
const GPU: PodTemplate = {
  spec: {
    containers: [{
      name: "engine",
      resources: { requests: { cpu: "2" }, limits: { "nvidia.com/gpu": "2" } },
    }],
  },
};

function node(
  allocatable: Record<string, string>,
  { labels = {}, taints = [] }: { labels?: Record<string, string>; taints?: unknown[] } = {},
): NodeObject {
  const metadata = { ...METADATA, labels };
  return { metadata, spec: { taints }, status: { allocatable } } as NodeObject;
}

function texts(template: PodTemplate, nodes: NodeObject[]): string[] {
  return examineNodes(template, nodes).map(({ level, text }) => `${level} ${text}`);
}

const ROOM = { cpu: "8", "nvidia.com/gpu": "4" };
const TAINT = { key: "nvidia.com/gpu", value: "present", effect: "NoSchedule" };

Deno.test("examineNodes() is content with one node that has what a pod asks for", () => {
  expect(texts(GPU, [node({ cpu: "1" }), node(ROOM)])).toEqual([]);
  // Made when they are needed.
  expect(texts(GPU, [])).toEqual([]);
});

Deno.test("examineNodes() names what no node has", () => {
  expect(texts(GPU, [node({ cpu: "8" })])).toEqual([
    "warn no node has 2 nvidia.com/gpu, which a pod of it asks for: the most is 0",
  ]);
  expect(texts(GPU, [node({ ...ROOM, cpu: "500m" })])).toEqual([
    "warn no node has 2 cpu, which a pod of it asks for: the most is 0.5",
  ]);
});

Deno.test("examineNodes() looks at nodes with the labels that the pods want", () => {
  const template = { spec: { ...GPU.spec, nodeSelector: { gpu: "h200" } } };
  expect(texts(template, [node(ROOM)])).toEqual([
    "warn no node has gpu=h200, which its nodeSelector wants",
  ]);
  expect(texts(template, [node(ROOM), node({ cpu: "8" }, { labels: { gpu: "h200" } })])).toEqual([
    expect.stringContaining("no node has 2 nvidia.com/gpu"),
  ]);
  expect(texts(template, [node(ROOM, { labels: { gpu: "h200" } })])).toEqual([]);
});

Deno.test("examineNodes() sees taints that the pods do not tolerate", () => {
  const nodes = [node(ROOM, { taints: [TAINT] })];
  expect(texts(GPU, nodes)).toEqual([
    "warn every node that would do has a taint that its pods do not tolerate, e.g. " +
    "nvidia.com/gpu=present:NoSchedule",
  ]);
  for (
    const toleration of [
      { operator: "Exists" },
      { key: "nvidia.com/gpu", operator: "Exists" },
      { key: "nvidia.com/gpu", value: "present", effect: "NoSchedule" },
    ]
  ) {
    expect(texts({ spec: { ...GPU.spec, tolerations: [toleration] } }, nodes)).toEqual([]);
  }
  expect(texts(GPU, [...nodes, node(ROOM)])).toEqual([]);
  expect(texts(GPU, [node(ROOM, { taints: [{ ...TAINT, effect: "PreferNoSchedule" }] })]))
    .toEqual([]);
});

Deno.test("examineQuotas() sees quotas that have no room", () => {
  const quota = (hard: Record<string, string>, used: Record<string, string>, spec = {}) =>
    examineQuotas(GPU, "ai", [{ metadata: METADATA, spec, status: { hard, used } }])
      .map(({ text }) => text);
  expect(quota({ pods: "0" }, { pods: "0" })).toEqual([
    "quota ai/a has no room for a pod of it: pods 0 of 0 used",
  ]);
  expect(quota({ "requests.nvidia.com/gpu": "4" }, { "requests.nvidia.com/gpu": "3" })).toEqual([
    "quota ai/a has no room for a pod of it: requests.nvidia.com/gpu 3 of 4 used",
  ]);
  expect(quota({ cpu: "4" }, { cpu: "2500m" })).toHaveLength(1);
  expect(quota({ cpu: "4", pods: "9", "limits.memory": "1Gi" }, { cpu: "2", pods: "1" }))
    .toEqual([]);
  expect(quota({ pods: "0" }, {}, { scopes: ["Terminating"] })).toEqual([]);
});
