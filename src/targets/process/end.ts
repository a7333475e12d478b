/** Why a process ended, in words for the client that waits for it. */
import type { Failure } from "../../activator/scale_target.ts";
import type { Exit } from "../../platform/processes.ts";
import type { Output } from "./output.ts";

const REASON_MAX = 300;

/** What a process that ended before it was ready, and not by us, tells about the wake. */
export function failureOf(exit: Exit, output: Output): Failure {
  const ended = `the process ${inWords(exit)} before it was ready`;
  const reason = output.outOfMemory ?? output.error ?? output.tail.at(-1);
  const because = reason === undefined ? "" : `: ${reason.slice(0, REASON_MAX)}`;
  if (output.outOfMemory !== undefined) {
    return { kind: "out_of_memory", message: `${ended}${because}` };
  }
  // A shell in between tells the signal of its child as an exit code.
  if (exit.signal === "SIGKILL" || exit.code === 128 + 9) {
    return { kind: "out_of_memory", message: `${ended}, most likely for lack of memory${because}` };
  }
  return { kind: "crashed", message: `${ended}${because}` };
}

/** `exited with code 1`, `was killed by SIGSEGV`. */
export function inWords({ code, signal }: Exit): string {
  return signal === undefined ? `exited with code ${code}` : `was killed by ${signal}`;
}
