/** An upstream that is only routed to: always ready as far as scaling goes, never started or stopped. */
import {
  type Observation,
  type ScaleTarget,
  type TargetObserver,
  UNMEASURED,
} from "../activator/scale_target.ts";
import { NO_DETAILS } from "../activator/target_details.ts";

/** `upstream` is the base URL that takes all requests. */
export function createExternalTarget(upstream: string): ScaleTarget {
  const observation: Observation = {
    workload: { phase: "ready", endpoints: [upstream] },
    // Newer than any command: nothing was stopped by it.
    asOf: 1,
  };
  let observer: TargetObserver | undefined;
  const command = () => {
    observer?.saw(observation);
    return Promise.resolve({ outcome: "done", fence: 0 } as const);
  };
  return {
    name: `upstream ${upstream}`,
    local: false,
    isFenced: false,
    details: NO_DETAILS,
    subscribe: (to) => void (observer = to),
    look: () => Promise.resolve(observation),
    wake: command,
    sleep: command,
    agree: command,
    pin: () => Promise.resolve("it is external, and never put to sleep"),
    use() {},
    measure: () => Promise.resolve(UNMEASURED),
    suspect() {},
    close() {
      observer = undefined;
      return Promise.resolve();
    },
  };
}
