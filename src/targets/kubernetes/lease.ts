/**
 * A gateway's Lease, as it is read and written: who holds it, which models it uses, and what it has agreed to.
 * No time of one machine is compared with another's: last uses are told as ages at the time of writing.
 */
import type { KubernetesApi } from "./api.ts";
import type { KubernetesObject } from "./reflector.ts";

/** Nobody is taken for dead sooner, whatever a Lease says. */
export const LEASE_MS = 60_000;
/** Who has not written its Lease for so long sends nothing on: less than a Lease lasts, with a margin. */
export const FENCE_MS = 45_000;

const CLAIMS = "vllm-autoscaler/claims";
const ACKS = "vllm-autoscaler/acks";
const WORKLOADS = "vllm-autoscaler/workloads";
const IN_USE = "in use";

const LABELS = {
  "app.kubernetes.io/name": "vllm-autoscaler",
  "app.kubernetes.io/component": "gateway",
};
/** What all gateways' Leases have, and no other Lease. */
export const LEASE_SELECTOR = Object.entries(LABELS).map((label) => label.join("=")).join();

/** A word on one workload, as old as the write that brought it. */
export interface LeaseClaim {
  readonly isInUse: boolean;
  /** Since its last use; 0 while in use. */
  readonly quietMs: number;
}

export interface LeaseView {
  readonly name: string;
  readonly resourceVersion: string;
  /** One process; a restart of it is another one. */
  readonly holder: string;
  readonly durationMs: number;
  /** By workload; undefined: nobody can read them. */
  readonly claims: ReadonlyMap<string, LeaseClaim> | undefined;
  /** The tokens agreed to, by workload. */
  readonly acks: ReadonlyMap<string, string>;
  /** The workloads that it sends requests to; undefined: it does not say, so it may be any. */
  readonly serves: ReadonlySet<string> | undefined;
}

export function leaseView(object: KubernetesObject): LeaseView {
  const { metadata, spec } = object as KubernetesObject & {
    metadata: { annotations?: Record<string, string> };
    spec?: { holderIdentity?: string; leaseDurationSeconds?: number };
  };
  const claims = objectOf(metadata.annotations?.[CLAIMS]);
  const acks = objectOf(metadata.annotations?.[ACKS]) ?? [];
  const workloads = metadata.annotations?.[WORKLOADS];
  const serves = workloads === undefined ? undefined : entriesOf(workloads);
  return {
    name: metadata.name,
    resourceVersion: metadata.resourceVersion,
    holder: spec?.holderIdentity ?? "",
    durationMs: Math.max((spec?.leaseDurationSeconds ?? 0) * 1000, LEASE_MS),
    claims: claims && new Map(claims.map(([key, word]) => [key, claimOf(word)])),
    acks: new Map(acks.filter((entry): entry is [string, string] => typeof entry[1] === "string")),
    serves: serves && new Set(serves.map(([, key]) => String(key))),
  };
}

/** Undefined: no JSON object. */
function objectOf(text: string | undefined): [string, unknown][] | undefined {
  return text?.trimStart().startsWith("[") ? undefined : entriesOf(text);
}

/** Undefined: no JSON object, and no array. */
function entriesOf(text = "{}"): [string, unknown][] | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? Object.entries(value) : undefined;
  } catch {
    return undefined;
  }
}

/** A word that we do not know is of a newer gateway: who knows what it does with the model. */
function claimOf(word: unknown): LeaseClaim {
  return typeof word === "number" && word >= 0
    ? { isInUse: false, quietMs: word * 1000 }
    : { isInUse: true, quietMs: 0 };
}

export interface LeaseText {
  readonly holder: string;
  readonly claims: ReadonlyMap<string, LeaseClaim>;
  readonly acks: ReadonlyMap<string, string>;
  /** Undefined: as it was written last. A thousand of them are too much to say each time. */
  readonly serves: readonly string[] | undefined;
  /** For people: nobody reckons with it. */
  readonly renewWallMs: number;
}

/** The body of a merge patch; with a name, of a new object. */
export function leaseBody({ holder, claims, acks, serves, renewWallMs }: LeaseText) {
  const words = [...claims].map(([key, { isInUse, quietMs }]) =>
    [key, isInUse ? IN_USE : Math.floor(quietMs) / 1000] as const
  );
  return {
    metadata: {
      labels: LABELS,
      annotations: {
        [CLAIMS]: JSON.stringify(Object.fromEntries(words)),
        [ACKS]: JSON.stringify(Object.fromEntries(acks)),
        ...(serves ? { [WORKLOADS]: JSON.stringify(serves) } : {}),
      },
    },
    spec: {
      holderIdentity: holder,
      leaseDurationSeconds: LEASE_MS / 1000,
      // The API server insists on six digits.
      renewTime: new Date(renewWallMs).toISOString().replace("Z", "000Z"),
    },
  };
}

/** Of the list of `namespace`. */
export function leasesPath(namespace: string): string {
  return `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
}

/** A consistent read of all gateways' Leases. @throws ApiError, ApiUnreachable, or the signal's reason */
export async function listLeases(
  api: KubernetesApi,
  namespace: string,
  signal: AbortSignal,
): Promise<LeaseView[]> {
  const query = `labelSelector=${encodeURIComponent(LEASE_SELECTOR)}`;
  const path = `${leasesPath(namespace)}?${query}`;
  const { items } = await api.call<{ items: KubernetesObject[] }>({ verb: "list", path, signal });
  return items.map(leaseView);
}

/** Deletes it as it was seen, and nothing newer. @throws as `listLeases` does; 409: it is newer */
export async function deleteLease(
  api: KubernetesApi,
  namespace: string,
  { name, resourceVersion }: { readonly name: string; readonly resourceVersion: string },
  signal: AbortSignal,
): Promise<void> {
  await api.call({
    ...{ verb: "delete", method: "DELETE", path: `${leasesPath(namespace)}/${name}`, signal },
    body: { apiVersion: "v1", kind: "DeleteOptions", preconditions: { resourceVersion } },
  });
}
