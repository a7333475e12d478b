/**
 * One model's shell: it keeps the gate, one timer and the scale target in step with the intent of the
 * lifecycle, one event at a time. Nothing here is checked before an `await` and trusted after it: what
 * an answer means is decided when it has come.
 */
import { News } from "../lib/news.ts";
import type { Clock } from "../platform/clock.ts";
import { steadyClock } from "../platform/steady_clock.ts";
import type { Log } from "../telemetry/log.ts";
import type { Admission, AdmitOptions, Permit } from "./admission.ts";
import { Announcer, type StateListener } from "./announcer.ts";
import { Breaker, type BreakerLimits, type BreakerOptions } from "./breaker.ts";
import { Conversation, type ConversationOptions } from "./conversation.ts";
import { Draining, ModelAsleep } from "./errors.ts";
import { type Intent, intent, type LifecycleEvent, transition } from "./lifecycle.ts";
import { unavailable, unreachable } from "./refusals.ts";
import type { ScaleTarget } from "./scale_target.ts";
import { type Demand, initialState, type Policy, type State, type StateName } from "./state.ts";
import { Steering } from "./steering.ts";
import { presentOf } from "./wake_phases.ts";

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
  /** Of its state. */
  readonly #news = new News();
  /** What operators do with it. */
  readonly steering: Steering;
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
      onPinned: (untilMs) => this.#pinned(untilMs),
      onEvent: (event) => this.dispatch(event),
      onFree: () => this.#reconcile(),
      onUnfenced: () => this.#breaker.release(),
    });
    this.steering = new Steering({
      ...{ activation: this, clock: this.#clock, news: this.#news },
      onSleep: (mode) => this.dispatch({ type: "sleep", mode }),
      onRetry: () => this.dispatch({ type: "retry" }),
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

  /** By the clock that it was given; undefined: it is not pinned. */
  get pinnedUntilMs(): number | undefined {
    const { pinnedUntilMs = -Infinity } = this.#policy;
    return pinnedUntilMs > this.#clock.nowMs() ? pinnedUntilMs : undefined;
  }

  /** Takes over changed settings; requests that wait or are in flight stay. */
  update(policy: Policy, limits: BreakerLimits): void {
    this.#policy = { ...policy, pinnedUntilMs: this.#policy.pinnedUntilMs ?? -Infinity };
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
    // What its successor is answering is not to be stopped by it.
    if (this.state === "stopping") {
      this.dispatch({ type: "conflict", reason: "its settings changed" });
    }
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

  #pinned(untilMs = -Infinity): void {
    const { log } = this.options;
    if (untilMs > this.#clock.wallMs()) {
      log.info("pinned", { until: new Date(untilMs).toISOString() });
    } else if (this.pinnedUntilMs !== undefined) log.info("unpinned");
    const pinnedUntilMs = untilMs - this.#clock.wallMs() + this.#clock.nowMs();
    this.#policy = { ...this.#policy, pinnedUntilMs };
    this.dispatch({ type: "demand" });
  }

  #handle(event: LifecycleEvent): void {
    if (this.#closed) return;
    const was = this.#state;
    this.#state = this.transition(was, event, this.#clock.nowMs());
    // A look that began before a lapse has seen what was there before it; a sleep that is forced is another one.
    const isOther = event.type === "lapsed" || (event.type === "sleep" && this.#state !== was);
    const isLeft = this.#state.name !== was.name || isOther;
    if (isLeft) this.#conversation.leave();
    if (this.#state !== was) this.#announcer.announce(this.#state, was);
    this.#reconcile();
    this.#news.tell();
    const { pending, inFlight } = this.demand;
    if (this.#retired && pending + inFlight === 0) void this.close();
  }

  #reconcile(): void {
    if (this.#closed) return;
    const { gate, ask, mode, deadlineMs } = this.intent(this.#state);
    this.#setGate(this.#policy.enabled ? gate : "shut");
    this.#setTimer(deadlineMs);
    if (ask && !this.#conversation.isBusy) void this.#conversation.ask(ask, mode);
  }

  #setGate(kind: Intent["gate"]): void {
    const { endpoints } = this.#conversation;
    const of = kind === "open" ? endpoints : this.#state.name;
    if (this.#gate?.kind === kind && this.#gate.of === of) return;
    this.#gate = { kind, of };
    if (kind === "open") {
      this.#breaker.setGate({ kind, endpoints });
    } else if (kind === "shut") {
      this.#breaker.setGate({
        kind,
        error: () => unavailable(this.model, this.#state, this.#clock.nowMs()),
      });
    } else {
      const maxMs = this.#state.name === "unknown" ? this.#policy.coldStartTimeoutMs : Infinity;
      this.#breaker.setGate({
        kind,
        maxMs,
        error: () => unreachable(this.model, this.target.name),
      });
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
}
