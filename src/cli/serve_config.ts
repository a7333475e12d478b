/** What `serve` serves: a config file that is watched, or the flags and names of the Go program. */
import {
  DROP_IN_SETTINGS,
  dropInConfig,
  type DropInFlags,
  dropInGiven,
} from "../config/drop_in.ts";
import type { ParseResult } from "../config/parse.ts";
import { type Problem, renderProblem } from "../config/problem.ts";
import type { Config } from "../config/spec.ts";
import type { Env } from "../config/substitute.ts";
import { type ConfigSource, loadConfig, unreadable } from "../config/watch.ts";
import { absolutePath, folderOf } from "../lib/path.ts";
import { type Files, systemFiles } from "../platform/files.ts";
import type { Terminal } from "./terminal.ts";

export interface ServeFlags extends DropInFlags {
  readonly config?: string;
}

export interface Served {
  readonly config: Config;
  readonly warnings: readonly { readonly at?: string; readonly reason: string }[];
  /** The file as it was read; undefined: there is none. */
  readonly file: { readonly source: ConfigSource; readonly text: string } | undefined;
}

const DEFAULT_FILE = "config.yaml";

/** What to serve, or the exit code: it has said why. */
export async function findConfig(flags: ServeFlags, terminal: Terminal): Promise<Served | 1 | 2> {
  const path = flags.config ?? terminal.env.VLLM_AUTOSCALER_CONFIG ?? DEFAULT_FILE;
  const source = sourceOf(path, terminal.env, systemFiles);
  const { text, result } = await loadConfig(source);
  const isDefault = path === DEFAULT_FILE && flags.config === undefined;
  if (text === undefined && isDefault && isMissing(result)) return dropIn(flags, source, terminal);
  const misplaced = misplacedFlags(flags, path);
  for (const line of misplaced) terminal.err(line);
  if (misplaced.length > 0) return 2;
  if (text === undefined) {
    terminal.err(unreadable(path, result));
    return 1;
  }
  if (!("config" in result)) return refuse(result, path, terminal);
  const port = portOf(flags.port);
  if (Number.isNaN(port)) {
    terminal.err(`--port: '${flags.port}' is not a port: write a number from 0 to 65535`);
    return 2;
  }
  const ignored = ignoredNames(terminal);
  return {
    config: withPort(result.config, port),
    warnings: [...result.warnings.map(placeOf), ...ignored],
    file: { source, text },
  };
}

export function sourceOf(path: string, env: Env, files: Files): ConfigSource {
  return { path, dir: absolutePath(Deno.cwd(), folderOf(path)), env, files };
}

function isMissing(result: ParseResult): boolean {
  return "problems" in result && result.problems[0]?.message === "there is no such file";
}

function dropIn(flags: ServeFlags, { dir, env }: ConfigSource, { err }: Terminal): Served | 2 {
  const given = dropInGiven(flags, env);
  if (given.values.size === 0) {
    const settings = Object.values(DROP_IN_SETTINGS);
    err(
      `There is no config file: write ./${DEFAULT_FILE}, or name one with --config FILE or ` +
        "$VLLM_AUTOSCALER_CONFIG (config.example.yaml shows all of it; `engine` is a stand-in to try it with). " +
        `For one Deployment flags do: ${settings.map(({ flag }) => flag).join(" ")}, ` +
        `or $${settings.map(({ env }) => env).join(" $")}`,
    );
    return 2;
  }
  const made = dropInConfig(given, dir);
  if (!("models" in made)) {
    for (const fault of made) err(fault);
    return 2;
  }
  const warnings = given.warnings.map((reason) => ({ reason }));
  return { config: made, warnings, file: undefined };
}

/** Flags that a config file has keys for: both would be two answers to one question. */
function misplacedFlags(flags: ServeFlags, path: string): string[] {
  const names = Object.keys(DROP_IN_SETTINGS) as (keyof DropInFlags)[];
  return names.filter((name) => name !== "port" && flags[name] !== undefined).map((name) => {
    const { flag, key } = DROP_IN_SETTINGS[name];
    return `${flag} is for use without a config file: write ${key} in ${path} instead`;
  });
}

function ignoredNames({ env }: Terminal) {
  const names = Object.values(DROP_IN_SETTINGS).map(({ env }) => env).filter((name) => env[name]);
  if (names.length === 0) return [];
  const all = names.map((name) => `$${name}`).join(", ");
  return [{ reason: `${all}: for use without a config file, ignored` }];
}

/** Everything that is wrong with the file, at once. */
function refuse(result: ParseResult, path: string, { err, colour }: Terminal): 1 {
  const problems = "problems" in result ? result.problems : [];
  for (const problem of problems) err(renderProblem(problem, { colour }) + "\n");
  err(`${path} is not valid: nothing was started`);
  return 1;
}

function portOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : NaN;
  return port <= 65_535 ? port : NaN;
}

function withPort(config: Config, port: number | undefined): Config {
  if (port === undefined) return config;
  const { server } = config;
  return { ...config, server: { ...server, listen: { ...server.listen, port } } };
}

/** Where a problem is, and what it is, for the log. */
export function placeOf({ file, line, column, message }: Problem) {
  return { at: `${file}:${line}:${column}`, reason: message };
}
