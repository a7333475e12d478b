/** `models`, for completions: the names that a running gateway knows, or nothing, and soon. */
import { pause, systemClock } from "../platform/clock.ts";
import { OperatorClient, type OperatorFlags } from "./operator_client.ts";
import type { Terminal } from "./terminal.ts";

/** Somebody waits at a keyboard. */
const ANSWER_MAX_MS = 1_000;

/** Resolves with 0, whatever becomes of it: a completion that fails completes nothing. */
export async function modelsCommand(
  { terminal, ...flags }: OperatorFlags & { readonly terminal: Terminal },
): Promise<0> {
  const asked = new OperatorClient(flags, terminal).models().catch(() => []);
  const models = await Promise.race([asked, pause(ANSWER_MAX_MS, systemClock).then(() => [])]);
  if (models.length > 0) terminal.out(models.map(({ name }) => name).join("\n"));
  return 0;
}
