/**
 * Why a request was not admitted: a closed set, with data and without HTTP. `gateway/rescue.ts` gives
 * each its status. And why an operator was refused.
 */
import type { Failure } from "./scale_target.ts";

abstract class AdmissionError extends Error {
  abstract readonly code: string;
  constructor(readonly model: string, message: string) {
    super(message);
    this.name = new.target.name;
  }
}

/** Too many wait already, or no slot came free in time. */
export class Overloaded extends AdmissionError {
  readonly code = "overloaded";
}

/** The wake, or this request's own limit on waiting for it, ran out. */
export class ColdStartTimeout extends AdmissionError {
  readonly code = "cold_start_timeout";
}

/** The model cannot be woken now; `retryAfterMs` until the gateway itself tries again. */
export class ModelUnavailable extends AdmissionError {
  readonly code = "model_unavailable";
  constructor(model: string, readonly failure: Failure, readonly retryAfterMs: number) {
    super(model, `Cannot wake model '${model}': ${failure.message}`);
  }
}

/** The model is asleep and this request may not wake it. */
export class ModelAsleep extends AdmissionError {
  readonly code = "model_asleep";
}

/** Nobody could say in time whether the model is up. */
export class ClusterUnreachable extends AdmissionError {
  readonly code = "cluster_unreachable";
}

/** The gateway stops. */
export class Draining extends AdmissionError {
  readonly code = "draining";
}

export type AdmissionFailure =
  | Overloaded
  | ColdStartTimeout
  | ModelUnavailable
  | ModelAsleep
  | ClusterUnreachable
  | Draining;

/** What an operator asked of a model was not done, and this is why. */
export class NotDone extends Error {
  constructor(model: string, what: "put to sleep" | "pinned" | "unpinned", reason: string) {
    super(`Model '${model}' is not ${what}: ${reason}`);
    this.name = "NotDone";
  }
}
