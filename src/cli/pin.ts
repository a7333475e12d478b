/** `pin` and `unpin`: keep a model up for a while, whoever finds it idle; and no longer. */
import { OperatorClient, type OperatorFlags } from "./operator_client.ts";
import type { Terminal } from "./terminal.ts";

export interface PinOptions extends OperatorFlags {
  readonly model: string;
  /** Default: the gateway's, 2h. */
  readonly for?: string;
  readonly terminal: Terminal;
}

/** Resolves with the exit code: 1 that is not known to be done. */
export async function pinCommand(options: PinOptions): Promise<number> {
  const { terminal, model, for: duration } = options;
  const client = new OperatorClient(options, terminal);
  return await client.report(async () => {
    const query = duration === undefined ? "" : `?for=${encodeURIComponent(duration)}`;
    const { state, pinnedUntil } = await client.steer(model, "pin", query);
    terminal.out(`${model}: ${state}, pinned until ${pinnedUntil}`);
    return 0;
  });
}

/** Resolves with the exit code: 1 that is not known to be done. */
export async function unpinCommand(options: Omit<PinOptions, "for">): Promise<number> {
  const { terminal, model } = options;
  const client = new OperatorClient(options, terminal);
  return await client.report(async () => {
    const { state } = await client.steer(model, "unpin");
    terminal.out(`${model}: ${state}, not pinned`);
    return 0;
  });
}
