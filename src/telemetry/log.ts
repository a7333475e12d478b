/**
 * One line an event: JSON for machines, aligned text for people. Never prompts, keys or bodies.
 */
import { LOG_LEVELS, type LogLevel } from "../config/spec.ts";
import type { Clock } from "../platform/clock.ts";

export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Log {
  debug(msg: string, fields?: LogFields): void;
  info(msg: string, fields?: LogFields): void;
  warn(msg: string, fields?: LogFields): void;
  error(msg: string, fields?: LogFields): void;
  /** The same log, with `fields` on every line. */
  with(fields: LogFields): Log;
}

/** Looked at again for every line: a reload may change them. */
export interface LogOptions {
  readonly level: LogLevel;
  readonly format: "text" | "json";
  readonly colour?: boolean;
  readonly clock: Clock;
  /** Takes one line without its newline. */
  readonly write: (line: string) => void;
}

/** A log that throws every line away. */
export const silentLog: Log = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  with: () => silentLog,
};

export function createLog(options: LogOptions, bound: LogFields = {}): Log {
  const at = (level: LogLevel) => (msg: string, fields?: LogFields) => {
    if (LOG_LEVELS.indexOf(level) < LOG_LEVELS.indexOf(options.level)) return;
    const render = options.format === "json" ? renderJson : renderText;
    const all = inOrder({ ...bound, ...fields });
    options.write(render(options.clock.wallMs(), level, msg, all, options.colour ?? false));
  };
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    with: (fields) => createLog(options, { ...bound, ...fields }),
  };
}

/** What and whom a line is about comes first, whoever writes it. */
function inOrder({ model, requestId, traceId, state, ...others }: LogFields): LogFields {
  return { model, requestId, traceId, state, ...others };
}

function renderJson(wallMs: number, level: LogLevel, msg: string, fields: LogFields): string {
  return JSON.stringify({ time: new Date(wallMs).toISOString(), level, msg, ...fields });
}

const COLOURS: Record<LogLevel, string> = {
  debug: "\x1b[2m",
  info: "\x1b[36m",
  warn: "\x1b[33m",
  error: "\x1b[31m",
};

/** `12:30:01.250 info  qwen  idle  was=active reason="last answer ended"` */
function renderText(
  wallMs: number,
  level: LogLevel,
  msg: string,
  { model, ...fields }: LogFields,
  colour: boolean,
): string {
  const time = new Date(wallMs).toISOString().slice(11, 23);
  const paint = (code: string, text: string) => colour ? `${code}${text}\x1b[0m` : text;
  const rest = Object.entries(fields)
    // A change of state says it already.
    .filter(([key, value]) => value !== undefined && !(key === "state" && value === msg))
    .map(([key, value]) => `${paint("\x1b[2m", `${key}=`)}${textValue(value!)}`);
  return [
    paint("\x1b[2m", time),
    paint(COLOURS[level], level.padEnd(5)),
    ...(model === undefined ? [] : [paint("\x1b[1m", String(model).padEnd(12))]),
    escapeControls(msg),
    ...rest,
  ].join(" ");
}

function textValue(value: string | number | boolean): string {
  if (typeof value !== "string") return String(value);
  return /^[\w.:/@+-]+$/.test(value) ? value : escapeControls(JSON.stringify(value));
}

/** Keeps a line one line, and a child's escape sequences from steering the reader's terminal. */
function escapeControls(text: string): string {
  return text.replace(
    /[\p{Cc}\u2028\u2029]/gu,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
