/** The labels by which a workload knows its pods. */
import type { WorkloadView } from "./views.ts";

/** Of `a=b,c=d`; one with other operators is none: what it leaves out would be taken for its pods. */
export function selectorOf(text = ""): WorkloadView["selector"] {
  const terms = text.split(",").map((term) => /^([^=!<>\s()]+)==?([^=\s()]*)$/.exec(term));
  return terms.every((term) => term !== null)
    ? Object.fromEntries(terms.map(([, key, value]) => [key!, value!]))
    : {};
}

export function hasLabels(selector: WorkloadView["selector"]): boolean {
  return Object.keys(selector).length > 0;
}
