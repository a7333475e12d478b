/**
 * What a process writes, as lines of our log, and what of it tells why it ended. Everything here is
 * bounded: a process may write as much, as long lines and as fast as it likes.
 */
import type { Clock } from "../../platform/clock.ts";
import type { Log } from "../../telemetry/log.ts";

export interface Output {
  take(chunk: Uint8Array, stream: "stdout" | "stderr"): void;
  /** Nothing more comes: the last line need not have ended. */
  end(): void;
  /** The last lines, oldest first. */
  readonly tail: readonly string[];
  /** The last line that names an error, from that name on. */
  readonly error: string | undefined;
  /** The last line that tells of missing memory, the GPU's or the machine's. */
  readonly outOfMemory: string | undefined;
}

const TAIL_MAX = 20;
const LINE_MAX = 1_000;
/** Lines beyond are counted and not logged; a loading vLLM writes about 100 in all. */
const LINES_PER_SECOND_MAX = 200;

const OUT_OF_MEMORY = /out of memory|OutOfMemory|No available memory|Free memory on device/;
const ERROR = /\b[\w.]*(?:error|exception): .+/i;
/** vLLM's last words are of its front, which only knows that the engine did not start. */
const NOT_THE_CAUSE = /root cause above/;

export function createOutput(log: Log, clock: Clock): Output {
  const tail: string[] = [];
  let error: string | undefined;
  let outOfMemory: string | undefined;
  const logLine = limited(log, clock);

  const takeLine = (line: string, stream: string) => {
    if (line === "") return;
    tail.push(line);
    if (tail.length > TAIL_MAX) tail.shift();
    const named = ERROR.exec(line)?.[0];
    if (named && !NOT_THE_CAUSE.test(line)) error = named;
    if (OUT_OF_MEMORY.test(line)) outOfMemory = named ?? line;
    logLine(line, stream);
  };
  const lines = {
    stdout: splitter((line) => takeLine(line, "stdout")),
    stderr: splitter((line) => takeLine(line, "stderr")),
  };

  return {
    take: (chunk, stream) => lines[stream].take(chunk),
    end() {
      lines.stdout.end();
      lines.stderr.end();
      logLine.end();
    },
    tail,
    get error() {
      return error;
    },
    get outOfMemory() {
      return outOfMemory;
    },
  };
}

/**
 * Cuts bytes into lines of at most `LINE_MAX` characters. Of a line that was rewritten with carriage
 * returns (progress bars) only the last version counts, as on a terminal.
 */
function splitter(onLine: (line: string) => void) {
  const decoder = new TextDecoder();
  let rest = "";
  const cut = (line: string) => line.length > LINE_MAX ? `${line.slice(0, LINE_MAX)}…` : line;
  const add = (text: string) => {
    const parts = (rest + text).split("\n");
    // One more than the limit is kept, so that the line is known to have been longer.
    rest = lastVersion(parts.pop()!).slice(0, LINE_MAX + 1);
    for (const part of parts) onLine(cut(lastVersion(part).trimEnd()));
  };
  return {
    take: (chunk: Uint8Array) => add(decoder.decode(chunk, { stream: true })),
    end: () => add(`${decoder.decode()}\n`),
  };
}

/** Carriage returns at the end rewrite nothing yet: they may be part of a line's end, so they stay. */
function lastVersion(line: string): string {
  let end = line.length;
  while (line[end - 1] === "\r") end--;
  return end === 0 ? line : line.slice(line.lastIndexOf("\r", end - 1) + 1);
}

/** Logs lines, up to so many a second, and how many it left out. */
function limited(log: Log, clock: Clock) {
  let secondMs = -Infinity;
  let lines = 0;
  let dropped = 0;
  const end = () => {
    if (dropped > 0) log.warn("process wrote too fast: lines left out", { lines: dropped });
    dropped = 0;
  };
  const line = (text: string, stream: string) => {
    const nowMs = clock.nowMs();
    if (nowMs - secondMs >= 1_000) {
      end();
      secondMs = nowMs;
      lines = 0;
    }
    if (lines++ < LINES_PER_SECOND_MAX) log.info(text, { stream });
    else dropped++;
  };
  return Object.assign(line, { end });
}
