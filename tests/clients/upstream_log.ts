/** What the engines behind a gateway were asked, read from their own lines in the gateway's log. */
import type { LogLine } from "../../src/testing/gateway_process.ts";

/** How a request ended at the engine: in the engine's own words, or with the engine itself. */
export type End = "answered" | "left" | "cut" | "died" | "open";

export interface Served {
  /** One for each time that the request came, in order. */
  readonly ends: readonly End[];
  /** How many of them ran at the same time, at most. */
  readonly atOnceMax: number;
}

/** `id` is the request id, which all attempts of one call have in common. */
export function servedOf(lines: readonly LogLine[], model: string, id: string): Served {
  const ends: End[] = [];
  let atOnceMax = 0;
  const end = (how: End) => {
    const at = ends.indexOf("open");
    if (at >= 0) ends[at] = how;
  };
  for (const { msg, model: of } of lines) {
    if (of !== model) continue;
    if (msg.startsWith("process ended") || msg.startsWith("process stopped")) {
      while (ends.includes("open")) end("died");
    }
    const said = msg.startsWith(`request ${id}: `) ? msg.slice(`request ${id}: `.length) : "";
    if (/^(answered|left|cut)$/.test(said)) end(said as End);
    else if (said) ends.push("open");
    atOnceMax = Math.max(atOnceMax, ends.filter((end) => end === "open").length);
  }
  return { ends, atOnceMax };
}

/** How many different requests have come for `model`. */
export function arrivedCount(lines: readonly LogLine[], model: string): number {
  const ids = lines.filter((line) => line.model === model)
    .flatMap(({ msg }) => /^request (\S+): POST /.exec(msg)?.[1] ?? []);
  return new Set(ids).size;
}
