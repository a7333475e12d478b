/** `wake`: wakes a model as a request would, and shows, if asked to, how it comes up or why it does not. */
import type { ModelView } from "../operator/model_view.ts";
import { pause, systemClock } from "../platform/clock.ts";
import { OperatorClient, type OperatorFlags } from "./operator_client.ts";
import type { Terminal } from "./terminal.ts";

export interface WakeOptions extends OperatorFlags {
  readonly model: string;
  /** Until it is up, or has failed. */
  readonly wait?: boolean;
  readonly terminal: Terminal;
}

const AGAIN_MS = 500;

/** Resolves with the exit code: 1 it could not be asked, or the wake failed. */
export async function wakeCommand(options: WakeOptions): Promise<number> {
  const { terminal, model, wait = false } = options;
  const client = new OperatorClient(options, terminal);
  return await client.report(async () => {
    let view = await client.steer(model, "wake");
    if (!wait) {
      terminal.out(`${model}: ${view.state}`);
      return 0;
    }
    for (let told = "";; view = await client.model(model)) {
      const line = `${model}: ${lineOf(view)}`;
      // How long it has lasted changes all the time; what it is doing does not.
      const what = line.replace(/ for \d+ s/, "");
      if (what !== told) terminal.out(line);
      told = what;
      if (view.state === "active" || view.state === "idle") return 0;
      if (view.failure) return 1;
      await pause(AGAIN_MS, systemClock);
    }
  });
}

function lineOf({ state, failure, progress }: ModelView): string {
  if (failure) return `failed (${failure.kind}): ${failure.message}`;
  return progress ? `${state}: ${progress}` : state;
}
