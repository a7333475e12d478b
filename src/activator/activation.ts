/**
 * One model's shell: it keeps the gate, one timer and the scale target in step with the intent of the
 * lifecycle, one event at a time. Nothing here is checked before an `await` and trusted after it: what
 * an answer means is decided when it has come.
 */
import type { Clock } from "../platform/clock.ts";
import { steadyClock } from "../platform/steady_clock.ts";
import type { Log } from "../telemetry/log.ts";
import type { Admission, AdmitOptions, Permit } from "./admission.ts";
import { Announcer, type StateListener } from "./announcer.ts";
import { Breaker, type BreakerLimits, type BreakerOptions } from "./breaker.ts";
import { Conversation, type ConversationOptions } from "./conversation.ts";
import {
  ClusterUnreachable,
  ColdStartTimeout,
  Draining,
  ModelAsleep,
  ModelUnavailable,
} from "./errors.ts";
import { type Intent, intent, type LifecycleEvent, transition } from "./lifecycle.ts";
import type { Failure, ScaleTarget } from "./scale_target.ts";
import { type Demand, initialState, type Policy, type State, type StateName } from "./state.ts";
import { presentOf } from "./wake_phases.ts";

const DISABLED: Failure = { kind: "disabled", message: "it is disabled in the configuration" };

export interface ActivationOptions {
  readonly model: string;
  readonly target: ScaleTarget;
  readonly policy: Policy;
  readonly limits: BreakerLimits;
  readonly clock: Clock;
  readonly log: Log;
  readonly onChange?: StateListener;
}

export class Activation implements Admission {
  readonly model: string;
  readonly target: ScaleTarget;
  #policy: Policy;
  #state: State;
  readonly #clock: Clock;
  readonly #inbox: LifecycleEvent[] = [];
  #handling = false;

  readonly #breaker: Breaker;
  /** What the breaker's gate was last made of. */
  #gate: { readonly kind: Intent["gate"]; readonly of: unknown } | undefined;
  readonly #conversation: Conversation;
  #timer: Disposable | undefined;
  #timerMs = Infinity;
  readonly #announcer: Announcer;
  #retired = false;
  #closed = false;
  readonly #ended = Promise.withResolvers<void>();

  constructor(protected readonly options: ActivationOptions) {
    this.model = options.model;
    this.target = options.target;
    this.#policy = options.policy;
    this.#clock = this.createClock(options.clock);
    this.#state = initialState(this.#clock.nowMs());
    const { log, onChange } = options;
    this.#announcer = new Announcer(
      { log, onChange, served: () => this.#breaker.served },
      this.#state,
    );
    this.#breaker = this.createBreaker({
      model: options.model,
      limits: options.limits,
      clock: this.#clock,
      onDemand: () => {
        const { pending, inFlight } = this.demand;
        this.target.use(pending + inFlight > 0, this.#policy.idleTimeoutMs);
        this.dispatch({ type: "demand" });
      },
      onRefused: (endpoint) => this.target.suspect(endpoint),
      isFenced: () => this.target.isFenced,
      progress: () => this.#progress(),
    });
    this.#conversation = this.createConversation({
      target: options.target,
      clock: this.#clock,
      onEvent: (event) => this.dispatch(event),
      onFree: () => this.#reconcile(),
      onUnfenced: () => this.#breaker.release(),
    });
    this.target.subscribe(this.#conversation);
    this.#reconcile();
  }

  get state(): StateName {
    return this.#state.name;
  }

  /** All that is known of it, its times by the clock that it was given. */
  get details(): State {
    return this.#state;
  }

  get demand(): Demand {
    return this.#breaker.demand;
  }

  isOpen(): boolean {
    return this.#breaker.hasRoom;
  }

  admit(options: AdmitOptions): Permit | Promise<Permit> {
    if (options.coldStart === "never" && this.#gate?.kind === "hold") {
      throw new ModelAsleep(this.model, `Model '${this.model}' is ${this.state}, not ready`);
    }
    return this.#breaker.acquire(options);
  }

  /** Wakes it as a request does, for nobody. @throws as `admit` does, if nobody can be served */
  wake(): void {
    const permit = this.admit({ signal: new AbortController().signal, forNobody: true });
    // How it ends is seen in its state.
    Promise.resolve(permit).then((permit) => permit[Symbol.dispose](), () => {});
  }

  /** Takes over changed settings; requests that wait or are in flight stay. */
  update(policy: Policy, limits: BreakerLimits): void {
    this.#policy = policy;
    this.#breaker.limits = limits;
    this.#gate = undefined;
    this.dispatch({ type: "demand" });
  }

  /** Refuses those who wait for the target to come up, and nobody else. */
  refuseWaiting(error: () => Error): void {
    if (this.#gate?.kind === "hold") this.#breaker.refuseWaiters(error);
  }

  /**
   * Lets what waits and what is in flight come to its end, then closes the target. Resolves when that
   * is done. Admit nothing afterwards.
   */
  retire(): Promise<void> {
    this.#retired = true;
    this.dispatch({ type: "demand" });
    return this.#ended.promise;
  }

  /** Closes the target now, whatever is in flight, and refuses who waits or comes. */
  close(how?: "kill"): Promise<void> {
    if (!this.#closed) {
      // First of all: a waiter that is refused here is the end of a retired model's demand.
      this.#closed = true;
      this.#timer?.[Symbol.dispose]();
      this.#breaker.close(() => new Draining(this.model, "The gateway is stopping"));
      this.#conversation.close();
      this.#ended.resolve(this.target.close(how));
    }
    return this.#ended.promise;
  }

  protected createClock(clock: Clock): Clock {
    return steadyClock(clock);
  }

  protected createBreaker(options: BreakerOptions): Breaker {
    return new Breaker(options);
  }

  protected createConversation(options: ConversationOptions): Conversation {
    return new Conversation(options);
  }

  protected transition(state: State, event: LifecycleEvent, nowMs: number): State {
    return transition(state, event, this.demand, nowMs, this.#policy);
  }

  protected intent(state: State): Intent {
    return intent(state);
  }

  /** Handles `event` after those before it; called from within the effects of another one too. */
  protected dispatch(event: LifecycleEvent): void {
    this.#inbox.push(event);
    if (this.#handling) return;
    this.#handling = true;
    try {
      for (let next = this.#inbox.shift(); next; next = this.#inbox.shift()) this.#handle(next);
    } finally {
      this.#handling = false;
    }
  }

  #handle(event: LifecycleEvent): void {
    if (this.#closed) return;
    const was = this.#state;
    this.#state = this.transition(was, event, this.#clock.nowMs());
    // A look that began before a lapse has seen what was there before it.
    const isLeft = this.#state.name !== was.name || event.type === "lapsed";
    if (isLeft) this.#conversation.leave();
    if (this.#state !== was) this.#announcer.announce(this.#state, was);
    this.#reconcile();
    const { pending, inFlight } = this.demand;
    if (this.#retired && pending + inFlight === 0) void this.close();
  }

  #reconcile(): void {
    if (this.#closed) return;
    const { gate, ask, deadlineMs } = this.intent(this.#state);
    this.#setGate(this.#policy.enabled ? gate : "shut");
    this.#setTimer(deadlineMs);
    if (ask && !this.#conversation.isBusy) void this.#conversation.ask(ask);
  }

  #setGate(kind: Intent["gate"]): void {
    const { endpoints } = this.#conversation;
    const of = kind === "open" ? endpoints : this.#state.name;
    if (this.#gate?.kind === kind && this.#gate.of === of) return;
    this.#gate = { kind, of };
    if (kind === "open") {
      this.#breaker.setGate({ kind, endpoints });
    } else if (kind === "shut") {
      this.#breaker.setGate({ kind, error: () => this.#unavailable() });
    } else {
      const maxMs = this.#state.name === "unknown" ? this.#policy.coldStartTimeoutMs : Infinity;
      this.#breaker.setGate({ kind, maxMs, error: () => this.#unreachable() });
    }
  }

  /** One timer; one that fires early is set again, so that a request to a warm model sets none. */
  #setTimer(deadlineMs: number): void {
    if (deadlineMs >= this.#timerMs) return;
    this.#timer?.[Symbol.dispose]();
    this.#timerMs = deadlineMs;
    this.#timer = this.#clock.timer(deadlineMs - this.#clock.nowMs(), () => {
      this.#timerMs = Infinity;
      this.dispatch({ type: "deadline" });
    });
  }

  /** What the wake under way is doing, for whoever gives up waiting for it. */
  #progress(): string | undefined {
    const state = this.#state;
    return state.name === "waking" ? presentOf(state.phases, this.#clock.nowMs()) : undefined;
  }

  #unavailable(): ModelUnavailable | ColdStartTimeout {
    const state = this.#state;
    if (state.name !== "failed") return new ModelUnavailable(this.model, DISABLED, Infinity);
    // It may well be ready the next time: worth a retry, unlike what cannot succeed.
    if (state.failure.kind === "cold_start_timeout") {
      return new ColdStartTimeout(this.model, `Model '${this.model}' is ${state.failure.message}`);
    }
    const retryAfterMs = Math.max(0, state.deadlineMs - this.#clock.nowMs());
    return new ModelUnavailable(this.model, state.failure, retryAfterMs);
  }

  #unreachable(): ClusterUnreachable {
    return new ClusterUnreachable(
      this.model,
      `Cannot tell whether model '${this.model}' is up: ${this.target.name} does not answer`,
    );
  }
}
