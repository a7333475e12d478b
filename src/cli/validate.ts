/** `validate FILE`: everything that is wrong with a config file, or what it comes to. */
import { stringify } from "yaml";
import { printConfig } from "../config/print.ts";
import { renderProblem } from "../config/problem.ts";
import type { Env } from "../config/substitute.ts";
import { loadConfig, unreadable } from "../config/watch.ts";
import type { Files } from "../platform/files.ts";
import { sourceOf } from "./serve_config.ts";

export interface ValidateOptions {
  readonly file: string;
  readonly env: Env;
  readonly files: Files;
  /** One object for programs: `{config, problems, warnings}`, `config` null if there are problems. */
  readonly json?: boolean;
  readonly colour?: boolean;
  /** Take text without its last newline. */
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

/** Resolves with the exit code: 0 if the file is valid, 1 if not. */
export async function validateCommand(options: ValidateOptions): Promise<0 | 1> {
  const { file, env, files, json = false, colour = false, out, err } = options;
  const source = sourceOf(file, env, files);
  const { text, result } = await loadConfig(source);
  const { warnings } = result;
  const problems = "problems" in result ? result.problems : [];
  const config = "config" in result ? printConfig(result.config) : null;
  if (json) {
    out(JSON.stringify({ config, problems, warnings }, null, 2));
    return config ? 0 : 1;
  }
  if (text === undefined) {
    err(unreadable(file, result));
    return 1;
  }
  for (const warning of warnings) {
    err(renderProblem(warning, { severity: "warning", colour }) + "\n");
  }
  for (const problem of problems) err(renderProblem(problem, { colour }) + "\n");
  if (config) out(stringify(config, { lineWidth: 0 }).trimEnd());
  const counts = [count(problems.length, "error"), count(warnings.length, "warning")]
    .filter((text) => text !== "")
    .join(", ");
  err(`${file} is ${config ? "valid" : "not valid"}${counts && `: ${counts}`}`);
  return config ? 0 : 1;
}

function count(n: number, what: string): string {
  return n === 0 ? "" : `${n} ${what}${n === 1 ? "" : "s"}`;
}
