/**
 * The promises over every order of what two gateways and their cluster do, as far as each search goes, and the same
 * search over planted bugs, each of which it must find.
 */
import { expect } from "expect";
import type { State } from "../activator/state.ts";
import { explore } from "./explorer.ts";
import { TwoGateways, type TwoGatewaysOptions } from "./two_gateways.ts";

const UP = [
  ..."answer 0,answer 1,arrive 0,answer 0,cluster,deliver 0,deliver 1,cluster".split(","),
  ..."deliver 0,deliver 1".split(","),
];
const IDLE = [...UP, "finish 0"];
const CHECKED = [..."time,answer 1,answer 0,time,answer 1,answer 1".split(",")];
const STOPPING = [...IDLE, ...CHECKED];
const ANNOUNCED = [...STOPPING, "answer 1", "deliver 0"];
const AGREED = [...ANNOUNCED, "answer 0", "answer 1"];

const STARTS = {
  "at the start": [],
  "from a model in use": UP,
  "from a model about to sleep": STOPPING,
  "from an announced sleep": ANNOUNCED,
  "from a sleep that is agreed": AGREED,
};

for (const [where, start] of Object.entries(STARTS)) {
  Deno.test(`explore() finds no broken promise of two gateways ${where}`, async () => {
    const world = () => new TwoGateways();
    const { states, broken } = await explore({ world, start, statesMax: 4_000 });
    expect(broken).toBe(undefined);
    console.log(`    ${states} states`);
  });
}

const opened = (state: State): State => ({
  ...{ name: "idle", sinceMs: state.sinceMs, reason: "", failures: 0, deadlineMs: Infinity },
  ...{ baseline: undefined, measuring: false, quietSinceMs: state.sinceMs },
});

const yields = (state: State) => state.name === "stopping" && state.yields;

const BUGS: Record<string, TwoGatewaysOptions> = {
  "no precondition on the zero": { faults: { noPrecondition: true } },
  "no waiting for the others' consent": { faults: { noConsent: true } },
  "the others are listed before the announcement": { faults: { listsBefore: true } },
  "a consent outlives what it was given to": { faults: { agreesToAll: true } },
  "a request is not looked for again before the zero": { faults: { noLookAtDemand: true } },
  "the engines are not asked again": { faults: { noLastMeasure: true } },
  "the dead are never expelled": { neverExpels: true },
  "a gate opens again after its consent without a look": {
    mutant: (state, event) =>
      yields(state) && event.type === "saw" && event.phase === "ready" ? opened(state) : undefined,
  },
  "consent is given with the gate open": {
    mutant: (state, event, next) =>
      event.type === "saw" && event.phase === "announced" && state.name === "active" &&
        next.name === "waking"
        ? {
          ...next,
          name: "stopping",
          yields: true,
          checked: false,
          disabled: false,
          baseline: undefined,
        }
        : undefined,
  },
};

/** Where some of them show within few steps. */
const NEAR: Record<string, readonly string[]> = {
  "the others are listed before the announcement": [
    ...IDLE,
    ..."time,answer 1,answer 0,crash 1,time,answer 0,answer 0".split(","),
  ],
  "consent is given with the gate open": [
    ...IDLE,
    ..."time,answer 1,answer 0,time,answer 0,answer 0,answer 0,arrive 1".split(","),
  ],
};

for (const [bug, options] of Object.entries(BUGS)) {
  Deno.test(`explore() catches a planted bug of two gateways: ${bug}`, async () => {
    for (const start of [NEAR[bug] ?? ANNOUNCED, STOPPING]) {
      const world = () => new TwoGateways(options);
      const { broken } = await explore({ world, start, statesMax: 4_000 });
      if (!broken) continue;
      console.log(
        `    ${broken.promises.join(", ")}: ${broken.path.slice(start.length).join(", ")}`,
      );
      return;
    }
    throw new Error("It was not found");
  });
}
