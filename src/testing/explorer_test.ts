/**
 * The promises of the activation over every interleaving of a small world, and the same search over
 * planted bugs, each of which it must find.
 */
import { expect } from "expect";
import type { Permit } from "../activator/admission.ts";
import { Breaker, type BreakerOptions, type Waiter } from "../activator/breaker.ts";
import type { Conversation, ConversationOptions } from "../activator/conversation.ts";
import type { Endpoint } from "../activator/endpoints.ts";
import { type LifecycleEvent, transition } from "../activator/lifecycle.ts";
import type { State } from "../activator/state.ts";
import type { Clock } from "../platform/clock.ts";
import { Believer } from "./believer.ts";
import { explore, type ExploreOptions } from "./explorer.ts";
import { ExploredActivation, type MakeActivation, POLICY, SmallWorld } from "./small_world.ts";

const UP = ["answer", "arrive 0", "answer", "cluster", "deliver", "cluster", "deliver"];
const IDLE = [...UP, "finish 0", "time", "answer"];
const STOPPING = [...IDLE, "time", "answer", "answer"];

const STARTS: Record<string, string[]> = {
  "at the start": [],
  "from a model in use": UP,
  "from an idle model": IDLE,
  "from a model about to sleep": STOPPING,
  "from a model told to sleep": [...STOPPING, "answer"],
};

function exploreOne(
  { make, ...options }: Omit<ExploreOptions, "world"> & { readonly make: MakeActivation },
) {
  return explore({ ...options, world: () => new SmallWorld(make) });
}

for (const [where, start] of Object.entries(STARTS)) {
  Deno.test(`explore() finds no broken promise ${where}`, async () => {
    const make: MakeActivation = (options) => new ExploredActivation(options);
    const { states, broken } = await exploreOne({
      make,
      start,
      statesMax: 6_000,
      without: /^(switch|sleep)/,
    });
    expect(broken).toBe(undefined);
    console.log(`    ${states} states`);
  });
}

for (const [where, start] of Object.entries({ "in use": UP, idle: IDLE, stopping: STOPPING })) {
  Deno.test(`explore() finds no broken promise in a model switched off and on when ${where}`, async () => {
    const make: MakeActivation = (options) => new ExploredActivation(options);
    const without = /^(back|outside|cannot|traffic|sleep)/;
    const { broken } = await exploreOne({ make, start, without, statesMax: 3_000 });
    expect(broken).toBe(undefined);
  });
}

for (const [where, start] of Object.entries({ "in use": UP, idle: IDLE, waking: UP.slice(0, 4) })) {
  Deno.test(`explore() finds no broken promise in a model that is put to sleep when ${where}`, async () => {
    const make: MakeActivation = (options) => new ExploredActivation(options);
    const without = /^(back|outside|cannot|switch)/;
    for (const mode of ["now", "force"]) {
      const from = [...start, `sleep ${mode}`];
      const { broken } = await exploreOne({ make, start: from, without, statesMax: 3_000 });
      expect(broken).toBe(undefined);
    }
  });
}

/** An activation whose lifecycle is `mutant` where that has something else to say. */
function mutated(
  mutant: (state: State, event: LifecycleEvent, next: State, nowMs: number) => State | undefined,
): MakeActivation {
  return (options) =>
    new class extends ExploredActivation {
      protected override transition(state: State, event: LifecycleEvent, nowMs: number): State {
        const next = super.transition(state, event, nowMs);
        return this.seen = mutant(state, event, next, nowMs) ?? next;
      }
    }(options);
}

/** An activation with another breaker. */
function withBreaker(make: (options: BreakerOptions) => Breaker): MakeActivation {
  return (options) =>
    new class extends ExploredActivation {
      protected override createBreaker(options: BreakerOptions): Breaker {
        return make(options);
      }
    }(options);
}

const idleAt = (state: State, nowMs: number): State =>
  transition({ ...state, name: "active" } as State, { type: "demand" }, NONE, nowMs, POLICY);
const NONE = { pending: 0, inFlight: 0 };

class DoubleRelease extends Breaker {
  protected override permit(endpoint: Endpoint, coldStartMs: number | undefined): Permit {
    const permit = super.permit(endpoint, coldStartMs);
    return { ...permit, [Symbol.dispose]: () => this.giveBack(endpoint) };
  }
}

class Unfair extends Breaker {
  protected override next(): Waiter | undefined {
    return [...this.waiters].at(-1);
  }
}

/** Looks for somebody to serve only when the gate opens, not when a slot comes free. */
class LostWaiter extends Breaker {
  #giving = false;
  protected override giveBack(endpoint: Endpoint): void {
    this.#giving = true;
    super.giveBack(endpoint);
    this.#giving = false;
  }
  override release(): void {
    if (!this.#giving) super.release();
  }
}

/** Measures deadlines by a clock that goes back, instead of holding it still. */
class BackwardsClock extends ExploredActivation {
  protected override createClock(clock: Clock): Clock {
    return clock;
  }
}

const BUGS: Record<string, { make: MakeActivation; start?: string[]; promise: RegExp }> = {
  "a permit given back twice": {
    make: withBreaker((options) => new DoubleRelease(options)),
    promise: /permits do not add up/,
  },
  "a waiter that nobody serves": {
    make: withBreaker((options) => new LostWaiter(options)),
    start: UP,
    promise: /not served/,
  },
  "a waiter overtaken for ever": {
    make: withBreaker((options) => new Unfair(options)),
    promise: /overtaken/,
  },
  "a gate that opens onto a dying workload": {
    make: (options) =>
      new class extends ExploredActivation {
        protected override createConversation(options: ConversationOptions): Conversation {
          return new Believer(options);
        }
      }(options),
    start: UP,
    promise: /went to what we had stopped/,
  },
  "activity stamped on arrival: sleep under a stream": {
    make: mutated((state, _event, next, nowMs) =>
      next.name === "active" ? idleAt(state, nowMs) : undefined
    ),
    start: UP,
    promise: /with a request in flight|before its idle timeout/,
  },
  "a wake that ends with its client": {
    make: mutated((state, event, next, nowMs) =>
      state.name === "waking" && event.type === "demand" && next === state
        ? transition(state, event, NONE, nowMs, { ...POLICY, enabled: false })
        : undefined
    ),
    promise: /with a request waiting/,
  },
  "stuck after a refusal": {
    make: mutated((state, event, next) =>
      state.name === "stopping" && event.type === "refused"
        ? { ...next, told: true } as State
        : undefined
    ),
    start: STOPPING,
    promise: /does not come to rest/,
  },
  "a refused sleep that flips between unknown and failed": {
    make: mutated((state, event, next) =>
      state.name === "failed" && event.type === "deadline" && next.name === "unknown"
        ? { ...state, told: true, deadlineMs: state.deadlineMs + 10_000 } as State
        : undefined
    ),
    promise: /does not come to rest/,
  },
  "a clock that goes back": {
    make: (options) => new BackwardsClock(options),
    start: IDLE,
    promise: /too long to come to rest/,
  },
  "engines that nobody asks": {
    make: mutated((state, event, _, nowMs) =>
      event.type === "measured"
        ? transition(state, { ...event, usage: { busy: 0, served: "" } }, NONE, nowMs, POLICY)
        : undefined
    ),
    start: IDLE,
    promise: /before its idle timeout/,
  },
};

for (const [bug, { make, start, promise }] of Object.entries(BUGS)) {
  Deno.test(`explore() catches a planted bug: ${bug}`, async () => {
    const { broken, states } = await exploreOne({
      make,
      start: start ?? [],
      statesMax: 20_000,
      without: /^(switch|sleep)/,
    });
    expect(broken?.promises.join("; ") ?? `nothing in ${states} states`).toMatch(promise);
  });
}
