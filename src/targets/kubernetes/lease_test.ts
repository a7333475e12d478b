import { expect } from "expect";
import { leaseBody, leaseView } from "./lease.ts";
import type { KubernetesObject } from "./reflector.ts";

function lease(annotations: Record<string, string>, spec = {}): KubernetesObject {
  const metadata = { name: "l", uid: "u", resourceVersion: "7", annotations };
  return { metadata, spec: { holderIdentity: "a_1", ...spec } } as KubernetesObject;
}

Deno.test("leaseView() reads what leaseBody() wrote", () => {
  const claims = new Map([
    ["deployments/ai/a", { isInUse: true, quietMs: 0 }],
    ["deployments/ai/b", { isInUse: false, quietMs: 12_345 }],
  ]);
  const acks = new Map([["deployments/ai/b", "t1"]]);
  const renewWallMs = Date.UTC(2026, 0, 1);
  const { metadata, spec } = leaseBody({
    ...{ holder: "a_1", claims, acks, renewWallMs },
    serves: ["deployments/ai/a"],
  });
  expect(spec).toEqual({
    holderIdentity: "a_1",
    leaseDurationSeconds: 60,
    renewTime: "2026-01-01T00:00:00.000000Z",
  });
  expect(metadata.annotations).toEqual({
    "vllm-autoscaler/claims": '{"deployments/ai/a":"in use","deployments/ai/b":12.345}',
    "vllm-autoscaler/acks": '{"deployments/ai/b":"t1"}',
    "vllm-autoscaler/workloads": '["deployments/ai/a"]',
  });
  expect(leaseView(lease(metadata.annotations, spec))).toEqual({
    ...{ name: "l", resourceVersion: "7", holder: "a_1", durationMs: 60_000 },
    ...{ claims, acks, serves: new Set(["deployments/ai/a"]) },
  });
});

Deno.test("leaseView() takes a word that it does not know for use, and for no ack", () => {
  const { claims, acks } = leaseView(lease({
    "vllm-autoscaler/claims": '{"a":"reserved","b":-1,"c":null,"d":0}',
    "vllm-autoscaler/acks": '{"a":["t"],"b":"t"}',
  }));
  expect([...claims!].map(([key, { isInUse }]) => `${key} ${isInUse}`))
    .toEqual(["a true", "b true", "c true", "d false"]);
  expect([...acks]).toEqual([["b", "t"]]);
});

Deno.test("leaseView() tells claims that nobody can read from none", () => {
  for (const text of ["{", "[]", "null", '"a"']) {
    expect(leaseView(lease({ "vllm-autoscaler/claims": text })).claims).toBe(undefined);
  }
  expect(leaseView(lease({})).claims).toEqual(new Map());
});

Deno.test("leaseView() never takes a Lease for shorter than ours", () => {
  const of = (leaseDurationSeconds?: number) =>
    leaseView(lease({}, { leaseDurationSeconds })).durationMs;
  expect([of(undefined), of(0), of(15), of(120)]).toEqual([60_000, 60_000, 60_000, 120_000]);
});
