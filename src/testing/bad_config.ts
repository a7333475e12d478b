/** Tables of config files that are refused: the place at fault is marked in the text itself. */
import { expect } from "expect";
import { parseConfig, type ParseOptions } from "../config/parse.ts";
import type { Problem } from "../config/problem.ts";

/** Stands in a table's text before the place that its problem must point at. */
const MARK = "▸";

export const OPTIONS: ParseOptions = { file: "config.yaml", env: {}, dir: "/etc/gateway" };

/** `line:column` of each mark, and the text without them. */
function readMarks(marked: string): { text: string; places: string[] } {
  const places: string[] = [];
  const lines = marked.split("\n").map((line, i) => {
    const parts = line.split(MARK);
    let column = 1;
    for (const part of parts.slice(0, -1)) {
      column += part.length;
      places.push(`${i + 1}:${column}`);
    }
    return parts.join("");
  });
  return { text: lines.join("\n"), places };
}

function told(problem: Problem): string {
  return `${problem.line}:${problem.column} ${problem.message}` +
    (problem.nearest === undefined ? "" : ` -> ${problem.nearest}`);
}

/** `marked` is refused with exactly `messages`, in order, each at its mark; `word -> nearest` at the end. */
export function expectProblems(marked: string, messages: string[], env: ParseOptions["env"] = {}) {
  const { text, places } = readMarks(marked);
  const result = parseConfig(text, { ...OPTIONS, env });
  const problems = "problems" in result ? result.problems : [];
  expect(problems.map(told)).toEqual(messages.map((message, i) => `${places[i]} ${message}`));
  for (const problem of problems) {
    expect(problem.file).toBe("config.yaml");
    expect(text.split(/\r?\n/)[problem.line - 1]).toHaveLength(problem.sourceLine.length);
  }
}

/** `marked` is taken, with exactly these warnings. */
export function expectWarnings(marked: string, messages: string[], env: ParseOptions["env"] = {}) {
  const { text, places } = readMarks(marked);
  const result = parseConfig(text, { ...OPTIONS, env });
  expect("problems" in result ? result.problems.map(told) : []).toEqual([]);
  expect(result.warnings.map(told)).toEqual(
    messages.map((message, i) => `${places[i]} ${message}`),
  );
}
