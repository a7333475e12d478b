import { expect } from "expect";
import type { Failure } from "../../activator/scale_target.ts";
import { adviceFor } from "./advice.js";

const KINDS: Record<Failure["kind"], true> = {
  ...{ cold_start_timeout: true, crashed: true, cannot_start: true, out_of_memory: true },
  ...{ image: true, config: true, quota: true, forbidden: true, missing: true },
  ...{ unschedulable: true, disabled: true },
};

Deno.test("adviceFor() knows every kind of failure", () => {
  const other = adviceFor("something new");
  for (const kind of Object.keys(KINDS)) {
    expect([kind, adviceFor(kind) !== other]).toEqual([kind, true]);
  }
});
