/** What is wrong with a config file, where, and how it is shown: the way compilers do. */

export interface Problem {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units. */
  readonly column: number;
  /** How many characters of the line are meant, at least 1. */
  readonly length: number;
  readonly message: string;
  /** The line as it stands in the file, its secrets masked. */
  readonly sourceLine: string;
  /** The valid word that is most like the one at fault. */
  readonly nearest?: string;
}

/** A stretch of the text, as offsets. */
export interface Place {
  readonly start: number;
  readonly end: number;
}

/** A problem before its lines and columns are counted. */
export interface Fault {
  readonly place: Place;
  readonly message: string;
  readonly nearest?: string;
}

/** Values of these keys are never shown. */
export const SECRET_NAME = /(key|token|secret|password|credentials?)$/i;

/** Turns faults into problems, in the order of the file, each once. */
export function toProblems(file: string, text: string, faults: readonly Fault[]): Problem[] {
  const lineStarts = [0, ...Array.from(text.matchAll(/\n/g), (match) => match.index + 1)];
  const seen = new Set<string>();
  return [...faults]
    .sort((a, b) => a.place.start - b.place.start)
    .filter(({ place, message }) => {
      const id = `${place.start} ${message}`;
      return !seen.has(id) && seen.add(id);
    })
    .map(({ place, message, nearest }) => {
      const start = Math.min(place.start, text.length);
      const line = lineStarts.findLastIndex((lineStart) => lineStart <= start);
      const lineStart = lineStarts[line]!;
      const source = text.slice(lineStart, lineStarts[line + 1] ?? text.length).trimEnd();
      const end = Math.min(place.end, lineStart + source.length);
      return {
        file,
        line: line + 1,
        column: start - lineStart + 1,
        length: Math.max(1, end - start),
        message,
        sourceLine: maskLine(source),
        ...(nearest === undefined ? {} : { nearest }),
      };
    });
}

/**
 * Hides what stands after `key:`, `API_TOKEN:`, `--api-key` and the like; every column stays where it
 * is. It reads single lines, so that it also works where the YAML cannot be read.
 */
export function maskLine(line: string): string {
  return line.replace(
    SECRET_VALUE,
    (_all, name: string, value: string) =>
      name + (/^["']?\$\{/.test(value) ? value : "*".repeat(value.length)),
  );
}

const SECRET_WORD = "[\\w-]*(?:key|token|secret|password|credentials?)[\"']?";
const SECRET_VALUE = new RegExp(
  `(${SECRET_WORD}\\s*:\\s*|--${SECRET_WORD}(?:\\s*[,=]\\s*|\\s+))` +
    `("(?:[^"\\\\]|\\\\.)*"?|'[^']*'?|[^\\s,{}[\\]#][^,}\\]]*)`,
  "gi",
);

/** No more of a line is shown: a file may be one long line. */
const SHOWN_MAX = 120;

export interface RenderOptions {
  readonly severity?: "error" | "warning";
  readonly colour?: boolean;
}

/** Several lines without a newline at the end. */
export function renderProblem(problem: Problem, options: RenderOptions = {}): string {
  const { severity = "error", colour = false } = options;
  const paint = (code: string, text: string) => colour ? `\x1b[${code}m${text}\x1b[0m` : text;
  const strong = severity === "error" ? "31;1" : "33;1";
  const number = String(problem.line);
  const gutter = " ".repeat(number.length);
  const from = problem.column > SHOWN_MAX ? problem.column - 1 - SHOWN_MAX / 2 : 0;
  const shown = printable(problem.sourceLine.slice(from, from + SHOWN_MAX));
  // A tab before the caret is as wide as the tab above it.
  const indent = shown.slice(0, problem.column - 1 - from).replace(/[^\t]/g, " ");
  const carets = "^".repeat(
    Math.min(problem.length, Math.max(1, SHOWN_MAX - indent.length)),
  );
  const hint = problem.nearest === undefined ? "" : ` did you mean '${problem.nearest}'?`;
  const bar = paint("34", "|");
  return [
    `${paint(strong, severity)}: ${paint("1", printable(problem.message))}`,
    `${gutter}${paint("34", "-->")} ${problem.file}:${number}:${problem.column}`,
    `${gutter} ${bar}`,
    `${paint("34", number)} ${bar} ${shown}`,
    `${gutter} ${bar} ${indent}${paint(strong, carets + printable(hint))}`,
  ].join("\n");
}

/** Keeps escape sequences in a file from steering the reader's terminal. */
function printable(text: string): string {
  return text.replace(/[^\P{Cc}\t]|[\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, "\ufffd");
}
