/** How many GPUs a replica asks for, in the words of each device plugin. */
import { expect } from "expect";
import { gpusPerReplica } from "./gpus.ts";

const pod = (...limits: Record<string, string | number>[]) => ({
  spec: { containers: limits.map((limits) => ({ resources: { limits } })) },
});

Deno.test("gpusPerReplica() adds up the devices of every container, whoever made them", () => {
  for (
    const name of ["nvidia.com/gpu", "amd.com/gpu", "gpu.intel.com/xe", "google.com/tpu"]
  ) {
    expect(gpusPerReplica({ template: pod({ [name]: "2", cpu: 8 }, { [name]: 1 }) })).toBe(3);
  }
  expect(gpusPerReplica({ template: pod({ cpu: "8", "example.com/gpu": "9" }) })).toBe(0);
  expect(gpusPerReplica({ template: { spec: {} } })).toBe(0);
  const requests = { "nvidia.com/gpu": "4" };
  // A request equals its limit, and is not counted twice.
  const containers = [{ resources: { requests, limits: requests } }, { resources: { requests } }];
  expect(gpusPerReplica({ template: { spec: { containers } } })).toBe(8);
});

Deno.test("gpusPerReplica() knows the groups of a LeaderWorkerSet, and of other kinds nothing", () => {
  const workerTemplate = pod({ "nvidia.com/gpu": 8 });
  const group = { size: 4, workerTemplate };
  expect(gpusPerReplica({ leaderWorkerTemplate: group })).toBe(32);
  const leaderTemplate = pod({ cpu: 1 });
  expect(gpusPerReplica({ leaderWorkerTemplate: { ...group, leaderTemplate } })).toBe(24);
  expect([gpusPerReplica({}), gpusPerReplica(undefined)]).toEqual([undefined, undefined]);
});
