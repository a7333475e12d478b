/**
 * The config file while the program runs: read again after a change of its folder, after a signal and
 * every 30 s. News is told only when the text is another one; what it means is the listener's to say.
 */
import type { Clock } from "../platform/clock.ts";
import type { Files } from "../platform/files.ts";
import { parseConfig, type ParseResult } from "./parse.ts";
import type { Env } from "./substitute.ts";

/** Editors and kubelet make a change in several steps. */
export const DEBOUNCE_MS = 100;
/** A folder's watch may die without a word, as that of one that was replaced does. */
export const POLL_MS = 30_000;

export interface ConfigSource {
  /** As the user wrote it, for messages. */
  readonly path: string;
  /** Absolute: the file's folder. */
  readonly dir: string;
  readonly env: Env;
  readonly files: Files;
}

export interface LoadedConfig {
  /** Undefined if the file could not be read: `result` says why. */
  readonly text: string | undefined;
  readonly result: ParseResult;
}

export async function loadConfig(source: ConfigSource): Promise<LoadedConfig> {
  const text = await readText(source);
  return text instanceof Error
    ? { text: undefined, result: noText(source.path, text) }
    : { text, result: parse(source, text) };
}

function readText({ path, files }: ConfigSource): Promise<string | Error> {
  return files.readText(path).catch((error: Error) => error);
}

function parse({ path, dir, env }: ConfigSource, text: string): ParseResult {
  return parseConfig(text, { file: path, dir, env });
}

/** What to say of a file that could not be read: it has no line to show. */
export function unreadable(path: string, result: ParseResult): string {
  const why = "problems" in result ? result.problems[0]?.message : undefined;
  return `Cannot read the config file ${path}: ${why}`;
}

function noText(file: string, error: Error): ParseResult {
  const why = error.name === "NotFound" ? "there is no such file" : error.message;
  const problem = { file, line: 1, column: 1, length: 1, message: why, sourceLine: "" };
  return { problems: [problem], warnings: [] };
}

export interface WatchOptions extends ConfigSource {
  readonly clock: Clock;
  /** The text that is in force: only another one is news. */
  readonly text: string;
  onNews(news: ParseResult): void;
}

export interface ConfigWatch extends Disposable {
  /** Reads the file now; gives the news that were told, or undefined if the text is the same. */
  reload(): Promise<ParseResult | undefined>;
}

/**
 * Watches the FOLDER: a ConfigMap's file is a symlink through `..data`, which is replaced as a whole,
 * and a watch on the file itself would end with the first replacement.
 */
export function watchConfig(options: WatchOptions): ConfigWatch {
  const { clock, files, dir, onNews } = options;
  let closed = false;
  let last = options.text;
  let debounce: Disposable | undefined;
  let poll: Disposable | undefined;
  let running: Promise<ParseResult | undefined> | undefined;
  let next: Promise<ParseResult | undefined> | undefined;

  async function read(): Promise<ParseResult | undefined> {
    const text = await readText(options);
    // A file that is gone is news once, and so is its return.
    const seen = text instanceof Error ? `\0${text.message}` : text;
    // Most reads end here: a long file takes a moment to parse.
    if (closed || seen === last) return undefined;
    last = seen;
    const result = text instanceof Error ? noText(options.path, text) : parse(options, text);
    onNews(result);
    return result;
  }

  /** One read at a time; who asks while one is under way may be too late for it, and gets the next. */
  function check(): Promise<ParseResult | undefined> {
    if (!running) return running = read().finally(() => running = undefined);
    return next ??= running.catch(() => {}).then(() => {
      next = undefined;
      return check();
    });
  }

  function pollLater(): void {
    poll = clock.timer(POLL_MS, async () => {
      await check();
      if (!closed) pollLater();
    });
  }

  function checkSoon(): void {
    if (closed) return;
    debounce?.[Symbol.dispose]();
    debounce = clock.timer(DEBOUNCE_MS, () => void check());
  }

  const watch = files.watchDirectory(dir, checkSoon);
  // It may have changed since it was read and before it was watched.
  checkSoon();
  pollLater();

  return {
    reload: check,
    [Symbol.dispose]() {
      closed = true;
      watch[Symbol.dispose]();
      debounce?.[Symbol.dispose]();
      poll?.[Symbol.dispose]();
    },
  };
}
