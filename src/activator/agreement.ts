/**
 * How a model is put to zero where several gateways may use it: it is announced on the workload, every other gateway
 * that lives closes its gate and agrees, the engines are asked once more, and only then it is told. Whoever changes the
 * workload in between wins.
 */
import type { CommandResult } from "./scale_target.ts";

/** What it takes, as steps that may each fail; the gate of whoever takes them is closed. */
export interface SleepSteps {
  /** Writes the announcement over what was seen when the sleep was checked for: a change since then is a `conflict`. */
  announce(signal: AbortSignal): Promise<CommandResult>;
  /**
   * Lists the other gateways, after the announcement, and resolves once each of them has agreed or is known to have
   * died. Rejects when the announcement does not stand any more, or with the signal's reason.
   */
  agreed(signal: AbortSignal): Promise<void>;
  /** False if the engines served anybody since the sleep was checked for. */
  isQuiet(signal: AbortSignal): Promise<boolean>;
  /** Takes the announcement back, if it stands. Rejects if that is not known to be so. */
  withdraw(signal: AbortSignal): Promise<void>;
  /** Puts to zero what is still as it was announced; a change since then is a `conflict`. */
  scale(signal: AbortSignal): Promise<CommandResult>;
}

/** `unwanted` ends it as long as nothing was told: a `conflict`. Rejects with the reason of `signal`. */
export async function sleepTogether(
  steps: SleepSteps,
  signal: AbortSignal,
  unwanted: AbortSignal,
): Promise<CommandResult> {
  const announced = await steps.announce(signal);
  if (announced.outcome !== "done") return announced;
  const both = AbortSignal.any([signal, unwanted]);
  try {
    await steps.agreed(both);
    if (!await steps.isQuiet(both)) throw new Error("it was used after all");
    // From here to the write nothing may be awaited: a request that came is seen now or finds the gate closed.
    both.throwIfAborted();
  } catch (error) {
    signal.throwIfAborted();
    await steps.withdraw(signal);
    return { outcome: "conflict", reason: (error as Error).message };
  }
  return await steps.scale(signal);
}
