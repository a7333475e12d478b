/**
 * The promises over every order of what two gateways and their cluster do, as far as each search goes, and the same
 * search over planted bugs, each of which it must find.
 */
import { expect } from "expect";
import type { LifecycleEvent } from "../activator/lifecycle.ts";
import type { State } from "../activator/state.ts";
import { explore } from "./explorer.ts";
import { TwoGateways, type TwoGatewaysOptions } from "./two_gateways.ts";

const steps = (text: string) => text.split(",");
const JOINED = steps("answer 0,answer 0,answer 1,answer 1");
const UP = [
  ...JOINED,
  ...steps("arrive 0,answer 0,cluster,deliver 0,deliver 1,cluster,deliver 0,deliver 1"),
];
const IDLE = [...UP, "finish 0"];
const CHECKED = steps("time,answer 1,answer 0,time,answer 1,answer 1");
const STOPPING = [...IDLE, ...CHECKED];
const ANNOUNCED = [...STOPPING, "answer 1", "deliver 0"];
const AGREED = [...ANNOUNCED, "answer 0", "answer 1"];

const FORCED = [...UP, "sleep 0 force"];
/** The other gateway has one in flight as well. */
const BOTH_FORCED = [
  ...UP,
  ...steps("arrive 1,sleep 0 force,finish 0,answer 0,deliver 1"),
];

const STARTS = {
  "at the start": [],
  "from a model in use": UP,
  "from a model about to sleep": STOPPING,
  "from an announced sleep": ANNOUNCED,
  "from a sleep that is agreed": AGREED,
  "from a forced sleep": FORCED,
  "from a forced sleep announced to one who serves": BOTH_FORCED,
};
/** Each looked at alone goes deeper. */
const TROUBLE = {
  "": /^sleep/,
  ", paused or cut off": /^(crash|outside|traffic|unanswered|sleep)/,
  ", put to sleep by an operator": /^(pause|cut|outside|traffic)/,
};

for (const [where, start] of Object.entries(STARTS)) {
  for (const [what, without] of Object.entries(TROUBLE)) {
    Deno.test(`explore() finds no broken promise of two gateways ${where}${what}`, async () => {
      const world = () => new TwoGateways();
      const { states, broken } = await explore({ world, start, without, statesMax: 3_000 });
      expect(broken).toBe(undefined);
      console.log(`    ${states} states`);
    });
  }
}

const opened = (state: State): State => ({
  ...{ name: "idle", sinceMs: state.sinceMs, reason: "", failures: 0, deadlineMs: Infinity },
  ...{ baseline: undefined, measuring: false, quietSinceMs: state.sinceMs },
});

const yields = (state: State) => state.name === "stopping" && state.yields;

interface Bug extends TwoGatewaysOptions {
  /** Where it shows within few steps. */
  readonly start?: readonly string[];
}

function next(next: (state: State, event: LifecycleEvent, next: State) => State | undefined): Bug {
  return { mutations: { next } };
}

const BUGS: Record<string, Bug> = {
  "no precondition on the zero": { faults: { noPrecondition: true } },
  "no waiting for the others' consent": { faults: { noConsent: true } },
  "the others are listed before the announcement": {
    faults: { listsBefore: true },
    start: [...IDLE, ...steps("time,answer 1,answer 0,crash 1,time,answer 0,answer 0")],
  },
  "a consent outlives what it was given to": { faults: { agreesToAll: true } },
  "a request is not looked for again before the zero": { faults: { noLookAtDemand: true } },
  "the engines are not asked again": { faults: { noLastMeasure: true } },
  "the engines are not asked again, and who sends is cut off": {
    faults: { noLastMeasure: true },
    start: [...IDLE, ...steps("time,answer 1,answer 0,cut 1,expire 1,time,answer 0,answer 0")],
  },
  "the dead are never expelled": { neverExpels: true },
  "those who live are expelled": { expelsTheLiving: true },
  "what the dead have announced counts for ever": {
    believesTheDead: true,
    start: [...ANNOUNCED, "crash 1"],
  },
  "no fence: who was paused sends": {
    faults: { noFence: true },
    start: [
      ...IDLE,
      ...steps("pause 1,expire 1,time,answer 0,time,answer 0,answer 0,answer 0,answer 0"),
    ],
  },
  "a new gateway looks before its Lease is there": {
    faults: { looksBeforeItsLease: true },
    start: [
      ...IDLE,
      ...steps("crash 0,expire 0,time,answer 1,time,answer 1,restart 0,answer 0"),
    ],
  },
  "a wake goes over a number that is not zero": {
    faults: { wakesOverAny: true },
    start: JOINED,
  },
  "a watch is believed however old it is": {
    mutations: { believesAll: true },
    start: [...AGREED, ...steps("answer 1,answer 1")],
  },
  "a look leaves what the dead have announced, whose zero may still come": {
    faults: { leavesMarksOfTheDead: true },
    start: [...AGREED, ...steps("answer 1,pause 1")],
  },
  "a watch is believed after a consent, and nobody looks": {
    ...next((state, event, next) =>
      state.name === "unknown" && event.type === "saw" && event.phase === "ready"
        ? opened(state)
        : next
    ),
    start: [...AGREED, ...steps("cut 0,answer 1,pause 1,expire 1,time,lost 0")],
  },
  "a zero that was not answered is forgotten": {
    ...next((state, event) =>
      state.name === "stopping" && event.type === "unanswered" ? opened(state) : undefined
    ),
    start: AGREED,
  },
  "a sleep is announced with the own gate open": {
    mutations: { opens: (state) => state.name === "stopping" && !state.yields },
    start: AGREED,
  },
  "a gate opens again after its consent without a look": next((state, event) =>
    yields(state) && event.type === "saw" && event.phase === "ready" ? opened(state) : undefined
  ),
  "a forced sleep does not wait for what is in flight": {
    ...next((_, __, next) => next.name === "stopping" ? { ...next, inFlight: false } : next),
    faults: { noLastMeasure: true },
    start: [...FORCED, ...steps("answer 0,deliver 1,answer 0,answer 1")],
  },
  "another gateway's forced sleep is agreed to with a request in flight": {
    ...next((_, __, next) =>
      next.name === "stopping" && next.yields ? { ...next, inFlight: false } : next
    ),
    faults: { noLastMeasure: true },
    start: BOTH_FORCED,
  },
  "a forced sleep is never given up": {
    ...next((state, event) =>
      state.name === "stopping" && state.mode === "force" && event.type === "unanswered"
        ? { ...state, told: true, deadlineMs: Infinity }
        : undefined
    ),
    start: [...FORCED, "finish 0"],
  },
  "consent is given with the gate open": {
    mutations: { opens: yields },
    start: [...STOPPING, "answer 1", "deliver 0"],
  },
};

for (const [bug, { start: near = ANNOUNCED, ...options }] of Object.entries(BUGS)) {
  Deno.test(`explore() catches a planted bug of two gateways: ${bug}`, async () => {
    for (const start of [near, STOPPING]) {
      const world = () => new TwoGateways(options);
      const { broken } = await explore({ world, start, without: /^sleep/, statesMax: 4_000 });
      if (!broken) continue;
      console.log(
        `    ${broken.promises.join(", ")}: ${broken.path.slice(start.length).join(", ")}`,
      );
      return;
    }
    throw new Error("It was not found");
  });
}
