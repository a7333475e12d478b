/** Who else scales a workload: an HPA between one and many is welcome, whoever wakes or stops it is not; pure. */
import type { Finding } from "../finding.ts";
import type { KubernetesObject } from "./reflector.ts";

type Told = Omit<Finding, "about">;

/** A HorizontalPodAutoscaler, or KEDA's ScaledObject: both name what they scale alike. */
export interface ScalerObject extends KubernetesObject {
  readonly metadata: KubernetesObject["metadata"] & {
    readonly ownerReferences?: readonly { readonly kind: string; readonly name: string }[];
  };
  readonly spec?: {
    readonly scaleTargetRef?: { readonly kind?: string; readonly name?: string };
    readonly minReplicas?: number;
    readonly maxReplicas?: number;
  };
}

/** Of kind and name as the cluster has them, e.g. `Deployment`. */
export interface Scaled {
  readonly kind: string;
  readonly name: string;
}

export interface Scalers {
  readonly hpas: readonly ScalerObject[];
  readonly scaledObjects: readonly ScalerObject[];
}

/** Those of `scalers` that scale it. */
export function scalersOf({ kind, name }: Scaled, { hpas, scaledObjects }: Scalers): Scalers {
  const scales = ({ spec }: ScalerObject) =>
    spec?.scaleTargetRef?.name === name && (spec.scaleTargetRef.kind ?? "Deployment") === kind;
  return { hpas: hpas.filter(scales), scaledObjects: scaledObjects.filter(scales) };
}

/** `scalers`: those that scale it, of its `namespace`. */
export function examineScalers(namespace: string, { hpas, scaledObjects }: Scalers): Told[] {
  const owners = new Set([
    ...scaledObjects.map(({ metadata }) => metadata.name),
    // Who may not see KEDA's objects sees what it makes of them.
    ...hpas.flatMap((hpa) => kedaOwner(hpa) ?? []),
  ]);
  const keda = [...owners].map((name): Told => ({
    level: "warn",
    text: `KEDA's ScaledObject ${namespace}/${name} wakes it and puts it to sleep by itself, ` +
      "against the gateway",
    remedy:
      `kubectl delete scaledobject -n ${namespace} ${name}; an HPA may scale it from one to many`,
  }));
  const others = hpas.filter((hpa) => kedaOwner(hpa) === undefined);
  return [...keda, ...others.map((hpa) => hpaFinding(namespace, hpa))];
}

function kedaOwner({ metadata }: ScalerObject): string | undefined {
  return metadata.ownerReferences?.find(({ kind }) => kind === "ScaledObject")?.name;
}

function hpaFinding(namespace: string, { metadata, spec }: ScalerObject): Told {
  const { minReplicas = 1, maxReplicas } = spec ?? {};
  const who = `HorizontalPodAutoscaler ${namespace}/${metadata.name}`;
  if (minReplicas > 0) {
    return {
      level: "ok",
      text:
        `${who} scales it from ${minReplicas} to ${maxReplicas} while it is up, and rests while it is at zero`,
    };
  }
  return {
    level: "warn",
    text: `${who} has minReplicas 0: it puts it to sleep and wakes it by itself`,
    remedy: "set its minReplicas to 1",
  };
}
