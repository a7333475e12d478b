/** `sleep`: puts a model to sleep before its idle timeout, and says why where it stays up. */
import { OperatorClient, type OperatorFlags } from "./operator_client.ts";
import type { Terminal } from "./terminal.ts";

export interface SleepOptions extends OperatorFlags {
  readonly model: string;
  /** What is in flight ends first. */
  readonly force?: boolean;
  readonly terminal: Terminal;
}

/** Resolves with the exit code: 1 it stays up, or could not be asked. */
export async function sleepCommand(options: SleepOptions): Promise<number> {
  const { terminal, model, force = false } = options;
  const client = new OperatorClient(options, terminal);
  return await client.report(async () => {
    const { state, inFlight } = await client.steer(model, "sleep", force ? "?force=true" : "");
    const ends = inFlight > 0 ? `, after ${inFlight} in flight` : "";
    terminal.out(`${model}: ${state}${ends}`);
    return 0;
  });
}
