/** Objects of any kind that we deliver, as a real API server takes them: made, or only tried. */
import type { TestNamespace } from "./control_plane.ts";

// deno-lint-ignore no-explicit-any
type Json = any;

/** Nothing is made; unknown and duplicate fields are refused. */
export const DRY_RUN = "?dryRun=All&fieldValidation=Strict";

const PLURALS: Readonly<Record<string, string>> = {
  NetworkPolicy: "networkpolicies",
  Ingress: "ingresses",
};

/** Resolves with the object as the API server would have it, or has it. */
export async function createObject(
  { api }: TestNamespace,
  object: Json,
  how: "" | typeof DRY_RUN = "",
): Promise<Json> {
  const { apiVersion, kind, metadata: { namespace } } = object;
  const root = apiVersion === "v1" ? "/api/v1" : `/apis/${apiVersion}`;
  const place = kind === "Namespace" ? "" : `/namespaces/${namespace}`;
  const path = `${root}${place}/${PLURALS[kind] ?? `${kind.toLowerCase()}s`}${how}`;
  return await api.call({ verb: "create", method: "POST", path, body: object });
}

/** From now on pods that are less than that are refused. */
export async function enforce({ api, name }: TestNamespace, level: "baseline" | "restricted") {
  const labels = { "pod-security.kubernetes.io/enforce": level };
  await api.call({
    ...{ verb: "patch", method: "PATCH", contentType: "application/merge-patch+json" },
    ...{ path: `/api/v1/namespaces/${name}`, body: { metadata: { labels } } },
  });
}

/** A Deployment is only warned of what its pods may not, so one of them is asked for; its account need not be there. */
export async function tryPod(namespace: TestNamespace, podSpec: Json): Promise<void> {
  const spec = { ...podSpec, serviceAccountName: "default" };
  const metadata = { name: "tried", namespace: namespace.name };
  await createObject(namespace, { apiVersion: "v1", kind: "Pod", metadata, spec }, DRY_RUN);
}
