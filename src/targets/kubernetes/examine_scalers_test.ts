import { expect } from "expect";
import { examineScalers, type ScalerObject, scalersOf } from "./examine_scalers.ts";

function scaler(name: string, spec: ScalerObject["spec"], owner?: string): ScalerObject {
  const ownerReferences = owner ? [{ kind: "ScaledObject", name: owner }] : [];
  return { metadata: { name, uid: name, resourceVersion: "1", ownerReferences }, spec: spec! };
}

const REF = { kind: "Deployment", name: "vllm" };

function found(hpas: ScalerObject[], scaledObjects: ScalerObject[] = []): string[] {
  const scalers = scalersOf(REF, { hpas, scaledObjects });
  return examineScalers("ai", scalers).map(({ level, text, remedy }) =>
    `${level} ${text}${remedy ? ` -> ${remedy}` : ""}`
  );
}

Deno.test("examineScalers() welcomes an HPA between one and many", () => {
  expect(found([scaler("h", { scaleTargetRef: REF, minReplicas: 2, maxReplicas: 4 })])).toEqual([
    "ok HorizontalPodAutoscaler ai/h scales it from 2 to 4 while it is up, and rests while it is at zero",
  ]);
  expect(found([scaler("h", { scaleTargetRef: REF, maxReplicas: 4 })])[0]).toMatch(/from 1 to 4/);
});

Deno.test("examineScalers() warns of an HPA that goes to zero", () => {
  expect(found([scaler("h", { scaleTargetRef: REF, minReplicas: 0, maxReplicas: 4 })])).toEqual([
    "warn HorizontalPodAutoscaler ai/h has minReplicas 0: it puts it to sleep and wakes it by itself " +
    "-> set its minReplicas to 1",
  ]);
});

Deno.test("examineScalers() warns of KEDA, once, by its own object or the HPA that it makes", () => {
  const hpa = scaler("keda-hpa-so", { scaleTargetRef: REF, maxReplicas: 4 }, "so");
  const words =
    "warn KEDA's ScaledObject ai/so wakes it and puts it to sleep by itself, against the gateway " +
    "-> kubectl delete scaledobject -n ai so; an HPA may scale it from one to many";
  expect(found([hpa])).toEqual([words]);
  // KEDA's own default is a Deployment.
  expect(found([hpa], [scaler("so", { scaleTargetRef: { name: "vllm" } })])).toEqual([words]);
});

Deno.test("examineScalers() leaves alone what scales something else", () => {
  expect(found([
    scaler("a", { scaleTargetRef: { kind: "StatefulSet", name: "vllm" } }),
    scaler("b", { scaleTargetRef: { kind: "Deployment", name: "other" } }),
  ])).toEqual([]);
});
