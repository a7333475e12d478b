/** What is asked of starts, of many requests, many models and long times; `targets.ts` has the rest. */
import { crowdName, FEW, MANY, SHIPPED } from "./crowd.ts";
import { HELD, heldName } from "./held.ts";
import { growthName, KINDS, MORE_IDLE } from "./models.ts";
import { RELEASED } from "./release.ts";
import { LOST, slopeName } from "./soak.ts";
import { SIDES, startName } from "./start.ts";
import type { Target } from "./targets.ts";
import { POD_READY } from "./wake.ts";

export const LOAD_TARGETS: readonly Target[] = [
  ...SIDES.map((side) => ({ section: "start", what: startName(side), atMost: 150 })),
  { section: "held", what: heldName("resident while held"), atMost: 250 },
  { section: "held", what: heldName("answered 200"), atLeast: HELD },
  { section: "release", what: RELEASED, atMost: 125 },
  ...KINDS.flatMap((kind) => [
    { section: "models", what: growthName(kind, "requests/s"), atLeast: 97 },
    { section: "models", what: growthName(kind, MORE_IDLE), atMost: 20 },
  ]),
  { section: "cluster", what: POD_READY, quantile: 0.95, atMost: 50 },
  { section: "soak", what: LOST, atMost: 0 },
  { section: "cluster", what: crowdName(FEW, SHIPPED, "resident"), atMost: 60 },
  { section: "cluster", what: crowdName(MANY, SHIPPED, "resident"), atMost: 120 },
  // Of an hour, about none: the samples themselves differ by more.
  { section: "soak", what: slopeName("resident"), atMost: 5 },
  { section: "soak", what: slopeName("open"), atMost: 5 },
];
