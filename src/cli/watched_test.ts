import { expect } from "expect";
import type { ScaleSpec } from "../config/spec.ts";
import { modelSpec, serverSpec } from "../testing/requests.ts";
import { watchedBy } from "./watched.ts";

function watched(scales: readonly ScaleSpec[], namespace = "") {
  return watchedBy({
    server: serverSpec(),
    models: scales.map((scale, i) => modelSpec(`m${i}`, { scale })),
    routes: [],
    kubernetes: { namespace, kubeconfig: "", context: "" },
  });
}

Deno.test("watchedBy() names what is scaled, and no command", () => {
  const scales: ScaleSpec[] = [
    { kind: "deployment", namespace: "ai", name: "a" },
    { kind: "statefulSet", name: "b" },
    { kind: "workload", apiVersion: "x/v1", workloadKind: "LeaderWorkerSet", name: "c" },
    { kind: "process", command: ["vllm", "--api-key", "s"], env: {}, cwd: "/", stopGraceMs: 1 },
    { kind: "external" },
  ];
  expect(watched(scales)).toBe("deployment ai/a, statefulSet b, LeaderWorkerSet c, process of m3");
  expect(watched(scales, "ml")).toContain("statefulSet ml/b, ");
});

Deno.test("watchedBy() stays short, and says nothing of nothing", () => {
  const many = Array.from({ length: 100 }, (): ScaleSpec => ({ kind: "deployment", name: "d" }));
  expect(watched(many)).toMatch(/^(deployment d, ){7}deployment d and 92 more$/);
  expect(watched([{ kind: "external" }])).toBe(undefined);
});
