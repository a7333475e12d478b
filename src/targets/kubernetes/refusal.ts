/** The API server says that we may not see or do something: which right to grant, and where. */
import type { Failure } from "../../activator/scale_target.ts";

/** What a list's path names, as a Role does. */
export interface ListPlace {
  /** `deployments.apps`, or `pods` of the core group. */
  readonly resource: string;
  readonly namespace: string;
}

/** Of `/apis/apps/v1/namespaces/ai/deployments` or `/api/v1/namespaces/ai/pods`. */
export function placeOf(path: string): ListPlace {
  const [, group, namespace = "", plural = ""] =
    /^\/api(?:s\/([^/]+))?\/[^/]+\/namespaces\/([^/]+)\/([^/]+)$/.exec(path) ?? [];
  return { resource: group ? `${plural}.${group}` : plural, namespace };
}

/** `words` are the API server's: they name who, the verb, the resource and the namespace. */
export function cannotWatch(path: string, words: string): Failure {
  const { resource, namespace } = placeOf(path);
  return {
    kind: "forbidden",
    message: `the gateway may not see ${resource} in namespace ${namespace}: grant it list and ` +
      `watch there (${words})`,
  };
}
