/** `serve`: the gateway as a server: its config file, its sockets, its signals, its end. */
import { type App, createApp, type Platform, Unservable } from "../app.ts";
import { formatAddress } from "../config/address.ts";
import type { ConfigDiff } from "../config/diff.ts";
import type { ParseResult } from "../config/parse.ts";
import type { Config } from "../config/spec.ts";
import { watchConfig } from "../config/watch.ts";
import { pause, systemClock } from "../platform/clock.ts";
import { createFetch } from "../platform/fetch.ts";
import { systemFiles } from "../platform/files.ts";
import { createSendRequest } from "../platform/http_client.ts";
import { type HttpServer, systemListen } from "../platform/http_server.ts";
import { acquireLock, lockPathOf } from "../platform/lock.ts";
import { processUsage } from "../platform/process_usage.ts";
import { systemProcesses } from "../platform/processes.ts";
import { systemRandom } from "../platform/random.ts";
import { systemTcp } from "../platform/tcp.ts";
import { createConnectWebSocket } from "../platform/web_socket.ts";
import { createLog, type Log } from "../telemetry/log.ts";
import { findConfig, placeOf, type Served, type ServeFlags } from "./serve_config.ts";
import { findTracer } from "./serve_tracer.ts";
import type { Terminal } from "./terminal.ts";
import { watchedBy } from "./watched.ts";

export interface ServeOptions extends ServeFlags {
  readonly version: string;
  readonly terminal: Terminal;
}

/** Resolves with the exit code when the gateway has ended: 1 it could not start, 2 wrong usage. */
export async function serveCommand(options: ServeOptions): Promise<number> {
  const served = await findConfig(options, options.terminal);
  return typeof served === "number" ? served : await serve(served, options);
}

async function serve(
  { config, warnings, file }: Served,
  { terminal, version }: ServeOptions,
): Promise<number> {
  let app: App | undefined;
  const log = createServerLog(() => app?.config ?? config, terminal);
  for (const warning of warnings) log.warn("config", warning);
  using lock = new ProcessLock(file?.source.path ?? "");
  let server: HttpServer;
  let operator: HttpServer | undefined;
  try {
    if (!await lock.covers(config)) {
      terminal.err(lock.refusal);
      return 1;
    }
    const tracer = await findTracer(terminal, version, log);
    app = await createApp(config, { ...systemPlatform(terminal), tracer }, log, version);
    server = await systemListen(config.server.listen, app.handle);
    operator = await listenForOperators(app, server, file === undefined, log);
  } catch (error) {
    terminal.err(cannotStart(error as Error, config));
    return 1;
  }
  using _watch = file ? watch(file, app, lock, log, terminal) : noWatch(log, terminal);
  const ended = runUntilSignal(app, server, log, terminal).finally(() => operator?.destroy());
  // Said last: whoever reads it may send signals and change the file.
  const { hostname, port } = server;
  log.info("listening", {
    url: `http://${formatAddress({ hostname, port })}`,
    config: file?.source.path ?? "flags and environment",
    operator: operator && `http://${formatAddress(operator)}`,
    models: config.models.length,
    watches: watchedBy(config),
    version,
  });
  await ended;
  return 0;
}

/**
 * Listens at `server.operator`. Without a config file one that is taken is no error: the program before us had none.
 * @throws Unservable
 */
async function listenForOperators(
  app: App,
  server: HttpServer,
  isDropIn: boolean,
  log: Log,
): Promise<HttpServer | undefined> {
  const { operator } = app.config.server;
  if (!operator) return undefined;
  try {
    return await systemListen(operator, app.operate);
  } catch (error) {
    const reason = `Cannot listen on ${formatAddress(operator)}: ${(error as Error).message}`;
    if (isDropIn) return void log.warn("no operator surface", { reason });
    await Promise.all([server.destroy(), app.close()]);
    throw new Unservable(
      `${reason}. End what listens there, or choose another server.operator, or false`,
    );
  }
}

/** Takes over the file whenever it changes, or on SIGHUP. */
function watch(
  { source, text }: NonNullable<Served["file"]>,
  app: App,
  lock: ProcessLock,
  log: Log,
  terminal: Terminal,
): Disposable {
  const all = new DisposableStack();
  let reloading = Promise.resolve();
  const watching = all.use(watchConfig({
    ...source,
    text,
    clock: systemClock,
    onNews(news) {
      // One after another: the file may change again while a key file is read.
      reloading = reloading.then(() => reload(news, app, lock, log));
    },
  }));
  all.use(terminal.onSignal("SIGHUP", () => {
    watching.reload().then((news) => news ?? log.info("SIGHUP: the config file is as it was"));
  }));
  return all;
}

function noWatch(log: Log, terminal: Terminal): Disposable {
  return terminal.onSignal("SIGHUP", () => log.info("SIGHUP: there is no config file to read"));
}

/** A log as `config` wants it now. */
function createServerLog(config: () => Config, terminal: Terminal): Log {
  const automatic = terminal.isInteractive ? "text" : "json";
  return createLog({
    get level() {
      return config().server.logLevel;
    },
    get format() {
      const { logFormat } = config().server;
      return logFormat === "auto" ? automatic : logFormat;
    },
    colour: terminal.colour,
    clock: systemClock,
    write: (line) => terminal.err(line),
  });
}

function systemPlatform({ env }: Terminal): Omit<Platform, "tracer"> {
  return {
    clock: systemClock,
    random: systemRandom,
    createFetch,
    createSendRequest,
    tcp: systemTcp,
    createConnectWebSocket,
    files: systemFiles,
    processes: systemProcesses,
    usage: processUsage,
    env: (name) => env[name],
    // Two gateways on one machine are two.
    identity: env.POD_NAME ?? `${Deno.hostname()}-${Deno.pid}`,
  };
}

function cannotStart(error: Error, { server: { listen } }: Config): string {
  if (error instanceof Unservable) return error.message;
  return `Cannot listen on ${formatAddress(listen)}: ${error.message}. ` +
    "End what listens there, or choose another server.listen or --port";
}

/** One gateway for a file of process models: a second one would start every engine twice. */
class ProcessLock implements Disposable {
  #lock: Disposable | undefined;

  constructor(readonly path: string) {}

  get refusal(): string {
    return `Another gateway serves the process models of ${this.path} already: stop it first, ` +
      "or give this one a config file of its own";
  }

  /**
   * True if `config` has no process models, or this gateway alone serves them.
   * @throws Unservable if nobody can tell
   */
  async covers({ models }: Config): Promise<boolean> {
    if (!models.some(({ scale }) => scale.kind === "process")) return true;
    try {
      this.#lock ??= acquireLock(await lockPathOf(this.path));
    } catch (error) {
      throw new Unservable(
        `Cannot lock the process models of ${this.path}: ${(error as Error).message}. ` +
          "Set TMPDIR to a folder that this user can write to",
      );
    }
    return this.#lock !== undefined;
  }

  [Symbol.dispose](): void {
    this.#lock?.[Symbol.dispose]();
  }
}

/** A file that is not valid changes nothing, loudly. */
async function reload(news: ParseResult, app: App, lock: ProcessLock, log: Log): Promise<void> {
  for (const warning of news.warnings) log.warn("config", placeOf(warning));
  if ("problems" in news) {
    app.refuseReload();
    for (const problem of news.problems) log.error("config not reloaded", placeOf(problem));
    return;
  }
  try {
    if (await lock.covers(news.config)) tellReload(await app.reload(news.config), log);
    else throw new Error(lock.refusal);
  } catch (error) {
    app.refuseReload();
    // Whatever it is (a lock file that cannot be made): the answers under way must not end with it.
    log.error("config not reloaded", { reason: (error as Error).message });
  }
}

function tellReload(diff: ConfigDiff, log: Log): void {
  const names = (list: readonly string[]) => list.length > 0 ? list.join(", ") : undefined;
  log.info("config reloaded", {
    added: names(diff.added),
    removed: names(diff.removed),
    changed: names(diff.changed.map(({ name }) => name)),
    routes: diff.routesChanged || undefined,
    server: diff.serverChanged || undefined,
  });
  if (diff.restartNeeded.length > 0) {
    log.warn("config: some changes wait for a restart", { keys: diff.restartNeeded.join(", ") });
  }
}

/**
 * Serves until SIGTERM or SIGINT, then ends in order: not ready, still serving, no new connections,
 * answers finished or broken, processes stopped. A second signal ends it at once; its processes end
 * with it, by their guards.
 */
async function runUntilSignal(
  app: App,
  server: HttpServer,
  log: Log,
  terminal: Terminal,
): Promise<void> {
  const signal = Promise.withResolvers<"SIGTERM" | "SIGINT">();
  let signals = 0;
  const onSignal = (name: "SIGTERM" | "SIGINT") => {
    if (++signals > 1) Deno.exit(name === "SIGTERM" ? 143 : 130);
    signal.resolve(name);
  };
  using _term = terminal.onSignal("SIGTERM", () => onSignal("SIGTERM"));
  using _int = terminal.onSignal("SIGINT", () => onSignal("SIGINT"));
  const name = await signal.promise;
  const { drainTimeoutMs, shutdownDelayMs } = app.config.server;
  app.leave();
  log.info("draining", { signal: name, drainTimeout: `${drainTimeoutMs / 1000}s` });
  // A load balancer needs a while to notice; somebody at a terminal need not wait for it.
  if (name === "SIGTERM") await pause(shutdownDelayMs, systemClock);
  app.drain();
  if (await within(drainTimeoutMs, server.shutdown())) await app.close();
  else {
    log.warn("drainTimeout is over: breaking the answers that are left");
    app.giveUp();
    await within(LAST_ANSWERS_MS, server.shutdown());
    await server.destroy();
    await app.close("kill");
  }
  log.info("stopped");
}

/** How long those that waited until the end have to hear that it is in vain. */
export const LAST_ANSWERS_MS = 500;

/** True if `promise` settled within `ms`. */
async function within(ms: number, promise: Promise<void>): Promise<boolean> {
  const late = Promise.withResolvers<boolean>();
  using _timer = systemClock.timer(ms, () => late.resolve(false));
  return await Promise.race([promise.then(() => true), late.promise]);
}
