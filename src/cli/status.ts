/** `status`: every model with its state and why, once or again and again in place. */
import type { ModelView } from "../operator/model_view.ts";
import { pause, systemClock } from "../platform/clock.ts";
import { OperatorClient, type OperatorFlags } from "./operator_client.ts";
import type { Terminal } from "./terminal.ts";

export interface StatusOptions extends OperatorFlags {
  readonly watch?: boolean;
  readonly json?: boolean;
  readonly terminal: Terminal;
}

const AGAIN_MS = 1_000;

/** Resolves with the exit code: 1 the gateway does not answer. */
export async function statusCommand(options: StatusOptions): Promise<number> {
  const { terminal, watch = false, json = false } = options;
  const client = new OperatorClient(options, terminal);
  const interrupted = Promise.withResolvers<true>();
  using _signal = watch ? terminal.onSignal("SIGINT", () => interrupted.resolve(true)) : undefined;
  return await client.report(async () => {
    for (let lines = 0;;) {
      const models = await client.models();
      const text = json ? JSON.stringify({ models }) : renderStatus(models, terminal.outColour);
      // Over what was there before: the cursor goes up, and everything below it is cleared.
      terminal.out((lines > 0 && !json ? `\x1b[${lines}A\x1b[J` : "") + text);
      lines = text.split("\n").length;
      if (!watch) return 0;
      if (await Promise.race([interrupted.promise, pause(AGAIN_MS, systemClock)])) return 0;
    }
  });
}

const COLOURS: Readonly<Record<string, number>> = {
  ...{ active: 32, idle: 36, waking: 33, stopping: 33, failed: 31, unknown: 31, asleep: 2 },
};

/** A table, then a line for each model that is on its way or has failed. */
export function renderStatus(models: readonly ModelView[], colour: boolean): string {
  const rows = models.map((model) => [
    ...[model.name, model.state, String(model.pending), String(model.inFlight)],
    model.sleepsInSeconds === null ? "-" : span(model.sleepsInSeconds),
    model.reason,
  ]);
  const head = ["MODEL", "STATE", "WAITING", "IN FLIGHT", "SLEEPS IN", "WHY"];
  const widths = head.map((title, i) =>
    Math.max(title.length, ...rows.map((row) => row[i]!.length))
  );
  const line = (row: readonly string[], state?: string) =>
    row.map((cell, i) => {
      const padded = cell.padEnd(widths[i]!);
      const code = i === 1 && state && colour ? COLOURS[state] : undefined;
      return code === undefined ? padded : `\x1b[${code}m${padded}\x1b[0m`;
    }).join("  ").trimEnd();
  return [
    line(head),
    ...rows.map((row, i) => line(row, models[i]!.state)),
    ...models.flatMap(details),
    ...gpuTime(models),
  ].join("\n");
}

function details({ name, progress, failure, pinnedUntil }: ModelView): string[] {
  const pinned = pinnedUntil === null ? [] : [`${name}: pinned until ${pinnedUntil}`];
  if (progress !== null) return [`${name}: ${progress}`, ...pinned];
  if (!failure) return pinned;
  return [
    `${name}: ${failure.message} (${failure.kind}; next try in ${span(failure.retryInSeconds)})`,
    ...pinned,
  ];
}

/** What was won this week, of all that the models' GPUs would have been held. */
function gpuTime(models: readonly ModelView[]): string[] {
  const weeks = models.flatMap(({ gpu }) => gpu?.week ?? []);
  if (weeks.length === 0) return [];
  const hours = (seconds: readonly number[]) => {
    const sum = seconds.reduce((a, b) => a + b, 0) / 3_600;
    return sum.toFixed(sum < 10 ? 1 : 0);
  };
  const freed = hours(weeks.map(({ freedSeconds }) => freedSeconds));
  const all = hours(weeks.map(({ freedSeconds, upSeconds }) => freedSeconds + upSeconds));
  return [`freed ${freed} of ${all} GPU-hours this week`];
}

/** `95` is `1m35s`. */
function span(seconds: number): string {
  const whole = Math.round(seconds);
  const [h, m, s] = [Math.floor(whole / 3_600), Math.floor(whole / 60) % 60, whole % 60];
  if (h > 0) return `${h}h${m}m`;
  return m > 0 ? `${m}m${s}s` : `${s}s`;
}
