/** The configuration as requests see it; a reload makes a new one, and a request looks again when it waits anew. */
import type { Admission } from "../activator/admission.ts";
import type { ModelSpec, ServerSpec } from "../config/spec.ts";
import type { RouteTable } from "./routes.ts";

export interface Snapshot {
  readonly server: ServerSpec;
  readonly models: readonly ModelSpec[];
  readonly routes: RouteTable;
  /** There is one model and nothing else: every name means it, and every GET may go to it. */
  readonly dropIn: boolean;
  /** The activation of the model called `name`; undefined once it was removed. */
  admission(name: string): Admission | undefined;
  /** The state's name, for people: `asleep`, `waking`, ... */
  state(name: string): string;
}
