/**
 * One gateway process of the two-gateways world: its activation, its clients, and what may happen to a process. It may
 * be paused (its timers wait as well) or cut off from the API server; either for so long that its Lease is taken away.
 */
import type { ActivationOptions } from "../activator/activation.ts";
import type { Conversation, ConversationOptions } from "../activator/conversation.ts";
import type { Intent, LifecycleEvent } from "../activator/lifecycle.ts";
import type { State } from "../activator/state.ts";
import type { Clock } from "../platform/clock.ts";
import { silentLog } from "../telemetry/log.ts";
import { Believer } from "./believer.ts";
import type { SharedTarget } from "./shared_target.ts";
import { SmallClients } from "./small_clients.ts";
import { ExploredActivation, POLICY } from "./small_world.ts";
import { stateKey } from "./state_key.ts";

/** What is done otherwise, for planted bugs. */
export interface Mutations {
  /** What follows in the lifecycle instead. */
  readonly next?: (state: State, event: LifecycleEvent, next: State) => State | undefined;
  /** True if the gate stays open in this state. */
  readonly opens?: (state: State) => boolean;
  /** News counts however old it is. */
  readonly believesAll?: boolean;
}

const LIMITS = { pendingMax: 8, inFlightMax: 0, pendingTimeoutMs: 300_000 };

class Mutant extends ExploredActivation {
  constructor(options: ActivationOptions, readonly mutations: Mutations) {
    super(options);
  }

  protected override transition(state: State, event: LifecycleEvent, nowMs: number): State {
    const next = super.transition(state, event, nowMs);
    return this.seen = this.mutations?.next?.(state, event, next) ?? next;
  }

  protected override intent(state: State): Intent {
    const intent = super.intent(state);
    return this.mutations?.opens?.(state) ? { ...intent, gate: "open" } : intent;
  }
}

class Believing extends Mutant {
  protected override createConversation(options: ConversationOptions): Conversation {
    return new Believer(options);
  }
}

class PausableClock implements Clock {
  isPaused = false;
  readonly #due = new Set<() => void>();

  constructor(readonly clock: Clock) {}

  nowMs(): number {
    return this.clock.nowMs();
  }

  wallMs(): number {
    return this.clock.wallMs();
  }

  /** How many timers have come and wait. */
  get due(): number {
    return this.#due.size;
  }

  timer(delayMs: number, callback: () => void): Disposable {
    const fire = () => this.isPaused ? void this.#due.add(fire) : callback();
    const timer = this.clock.timer(delayMs, fire);
    return {
      [Symbol.dispose]: () => {
        timer[Symbol.dispose]();
        this.#due.delete(fire);
      },
    };
  }

  resume(): void {
    this.isPaused = false;
    const due = [...this.#due];
    this.#due.clear();
    for (const fire of due) fire();
  }
}

export interface SmallGatewayOptions {
  readonly clock: Clock;
  readonly target: SharedTarget;
  readonly mutations: Mutations;
  readonly requests: number;
  readonly onUse: () => void;
  readonly onGranted: (gateway: SmallGateway) => void;
  readonly onBroken: (promise: string) => void;
}

export class SmallGateway {
  readonly target: SharedTarget;
  readonly activation: ExploredActivation;
  readonly clients: SmallClients;
  readonly #clock: PausableClock;
  /** A request that it sent after the engines were asked last: nobody can have seen that. */
  isUnseen = false;

  constructor(readonly options: SmallGatewayOptions) {
    const { target, mutations, onUse, onBroken, requests } = options;
    this.target = target;
    this.#clock = new PausableClock(options.clock);
    this.clients = new SmallClients({
      admission: () => this.activation,
      ...{ onUse, onBroken },
      onGranted: () => options.onGranted(this),
    }, requests);
    const make = mutations.believesAll ? Believing : Mutant;
    this.activation = new make({
      ...{ model: "m", target, policy: POLICY, limits: LIMITS },
      ...{ clock: this.#clock, log: silentLog },
    }, mutations);
  }

  get isPaused(): boolean {
    return this.#clock.isPaused;
  }

  pause(): void {
    this.#clock.isPaused = true;
  }

  resume(): void {
    this.#clock.resume();
  }

  get isUsed(): boolean {
    return this.clients.count("flying") > 0;
  }

  get isOpen(): boolean {
    return this.activation.isOpen();
  }

  key(nowMs: number): unknown[] {
    return [
      stateKey(this.activation.seen, nowMs),
      this.clients.key(),
      this.target.key(),
      [this.isPaused, this.#clock.due, this.isUnseen],
    ];
  }
}
