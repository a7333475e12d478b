/** What operators do with one model: they wake it, put it to sleep, and keep it up. */
import type { News } from "../lib/news.ts";
import type { Clock } from "../platform/clock.ts";
import type { Admission } from "./admission.ts";
import { NotDone } from "./errors.ts";
import type { ScaleTarget } from "./scale_target.ts";
import type { Demand, State } from "./state.ts";

/** Of an activation. */
export interface Steered extends Admission {
  readonly model: string;
  readonly target: ScaleTarget;
  readonly details: State;
  readonly demand: Demand;
  /** By its clock; undefined: it is not pinned. */
  readonly pinnedUntilMs: number | undefined;
}

export interface SteeringOptions {
  readonly activation: Steered;
  readonly clock: Clock;
  /** Told at each change of its state. */
  readonly news: News;
  readonly onSleep: (mode: "now" | "force") => void;
  readonly onRetry: () => void;
}

/** Whoever asks for a sleep is told how it went; while another gateway does not answer, only that it is under way. */
const SLEEP_ANSWER_MAX_MS = 5_000;

export class Steering {
  constructor(readonly options: SteeringOptions) {}

  /** Wakes it as a request does, for nobody; what has failed is tried again at once. @throws as `admit` does, if nobody can be served */
  wake(): void {
    const { signal } = new AbortController();
    this.options.onRetry();
    const permit = this.options.activation.admit({ signal, forNobody: true });
    // How it ends is seen in its state.
    Promise.resolve(permit).then((permit) => permit[Symbol.dispose](), () => {});
  }

  /**
   * Puts it to sleep before its idle timeout: `now`, if nobody uses it, or after what is in flight (`force`). Resolves
   * once that was told, or a forced one has begun. @throws NotDone
   */
  async sleep(mode: "now" | "force"): Promise<void> {
    const { activation, onSleep } = this.options;
    const { details: before, demand: { pending, inFlight }, pinnedUntilMs } = activation;
    const refuse = (reason: string) => this.#notDone("put to sleep", reason);
    if (pinnedUntilMs !== undefined) throw refuse("it is pinned: unpin it first");
    if (mode === "now" && pending + inFlight > 0) {
      throw refuse(
        `it is in use: ${inFlight} in flight, ${pending} waiting (force it: they end first)`,
      );
    }
    if (before.name === "unknown") throw refuse("whether it is up is not known yet");
    onSleep(mode);
    const after = mode === "now" ? await this.#untilPutToSleep() : activation.details;
    if (!isGoing(after)) throw refuse(after.reason);
  }

  /** Keeps it up for so long, and wakes it if it sleeps, which may fail; 0: no longer. @throws NotDone */
  async pin(forMs: number): Promise<void> {
    const { activation: { target }, clock } = this.options;
    const untilMs = forMs > 0 ? clock.wallMs() + forMs : undefined;
    const reason = await target.pin(untilMs).catch((error: Error) => error.message);
    if (reason !== undefined) throw this.#notDone(forMs > 0 ? "pinned" : "unpinned", reason);
    if (forMs > 0) Promise.try(() => this.wake()).catch(() => {});
  }

  /** Resolves with the state in which that was told, or will not be for now. */
  async #untilPutToSleep(): Promise<State> {
    const { activation, clock, news } = this.options;
    const endMs = clock.nowMs() + SLEEP_ANSWER_MAX_MS;
    using _limit = clock.timer(SLEEP_ANSWER_MAX_MS, () => news.tell());
    let state = activation.details;
    await news.until(() => {
      state = activation.details;
      return state.name !== "stopping" || state.told || clock.nowMs() >= endMs;
    });
    return state;
  }

  #notDone(what: ConstructorParameters<typeof NotDone>[1], reason: string): NotDone {
    return new NotDone(this.options.activation.model, what, reason);
  }
}

/** It is at zero, or nothing stands in its way there. */
function isGoing(state: State): boolean {
  if (state.name === "failed") return state.zeroSeen || (!state.told && !state.inFlight);
  return state.name === "stopping" || state.name === "asleep";
}
