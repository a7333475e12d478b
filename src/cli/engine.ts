/** `engine`: a stand-in for vLLM without a GPU, for demos, tests and trying a config. */
import { Engine } from "../engine/engine.ts";
import { ENGINE_DEFAULTS as defaults, type EngineOptions } from "../engine/options.ts";
import type { RecordedRequest } from "../engine/recording.ts";
import { parseDuration } from "../lib/duration.ts";
import type { Clock } from "../platform/clock.ts";
import type { ListenNode } from "../platform/node_server.ts";
import type { Random } from "../platform/random.ts";
import type { EngineFlags } from "./engine_flags.ts";

export interface EngineIo {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly random: Random;
  readonly listen: ListenNode;
  /** Takes a line without its newline. */
  readonly err: (line: string) => void;
  /** Calls back at each such signal until disposed. */
  readonly onSignal: (name: "SIGTERM" | "SIGINT", callback: () => void) => Disposable;
}

/** Resolves with the exit code when the engine has ended: 2 for a flag that cannot be understood. */
export async function engineCommand(flags: EngineFlags, io: EngineIo): Promise<number> {
  let options: EngineOptions;
  try {
    options = engineOptions(flags, io.env);
  } catch (error) {
    io.err((error as Error).message);
    return 2;
  }
  const engine = new Engine(options, {
    clock: io.clock,
    random: io.random,
    listen: io.listen,
    say: io.err,
    ...(options.enableLogRequests ? { onRequest: requestLog(io.err) } : {}),
  });
  using _term = io.onSignal("SIGTERM", () => engine.terminate());
  using _int = io.onSignal("SIGINT", () => engine.interrupt());
  try {
    await engine.start();
  } catch (error) {
    const reason = (error as Error).message;
    io.err(
      `Cannot listen on ${options.hostname}:${options.port}: ${reason}; choose another --port`,
    );
    return 1;
  }
  return await engine.exited;
}

/** By the id that came with it, which gateways and clients know it by. */
function requestLog(say: (line: string) => void) {
  return ({ method, target, headers, ended }: RecordedRequest) => {
    if (method !== "POST") return;
    const id = headers.find(([name]) => name === "x-request-id")?.[1] ?? "-";
    say(`request ${id}: ${method} ${target}`);
    void ended.then((outcome) => say(`request ${id}: ${outcome}`));
  };
}

/** @throws Error that names the flag and says what to write */
export function engineOptions(flags: EngineFlags, env: EngineIo["env"]): EngineOptions {
  const read = reader({ ...flags, port: flags.port ?? (env.PORT || undefined) });
  return {
    models: read("model", (_, value) => value as readonly string[]) ?? defaults.models,
    hostname: read("host", (_, value) => String(value)) ?? defaults.hostname,
    port: read("port", portNumber) ?? defaults.port,
    coldStartMs: read("coldStart", duration) ?? defaults.coldStartMs,
    listenWhileLoading: flags.listenWhileLoading === true,
    tokens: read("tokens", count) ?? defaults.tokens,
    tokensPerSecond: read("tokensPerSecond", rate) ?? defaults.tokensPerSecond,
    maxModelLen: read("maxModelLen", count) ?? defaults.maxModelLen,
    maxNumSeqs: read("maxNumSeqs", count) ?? defaults.maxNumSeqs,
    queueMax: read("queueMax", count) ?? defaults.queueMax,
    runner: read("runner", oneOf("generate", "pooling")) ?? defaults.runner,
    dev: flags.dev === true,
    shutdownTimeoutMs: read("shutdownTimeout", duration) ?? defaults.shutdownTimeoutMs,
    swallowSigterm: flags.swallowSigterm !== false,
    crashAtStart: read("crashAtStart", exitCode) ?? defaults.crashAtStart,
    crashAfterMs: read("crashAfterMs", count) ?? defaults.crashAfterMs,
    dieMidStream: read("dieMidStream", count) ?? defaults.dieMidStream,
    cutMidStream: read("cutMidStream", count) ?? defaults.cutMidStream,
    cutMidAnswer: flags.cutMidAnswer === true,
    enableLogRequests: flags.enableLogRequests === true,
    hang: read("hang", hang) ?? defaults.hang,
    idleTimeoutMs: defaults.idleTimeoutMs,
  };
}

type Value = string | boolean | readonly string[];

function reader(flags: EngineFlags) {
  return <T>(name: string, convert: (flag: string, value: Value) => T): T | undefined => {
    const value = flags[name];
    const flag = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    return value === undefined ? undefined : convert(flag, value);
  };
}

function duration(flag: string, value: Value): number {
  try {
    return parseDuration(String(value));
  } catch (error) {
    throw new Error(`${flag}: ${(error as Error).message}`);
  }
}

function whole(flag: string, value: Value, min: number, max: number): number {
  const number = Number(value);
  if (/^\d+$/.test(String(value)) && number >= min && number <= max) return number;
  const range = max === Infinity ? `, at least ${min}` : ` from ${min} to ${max}`;
  throw new Error(`${flag}: '${value}' is not a whole number${range}`);
}

const portNumber = (flag: string, value: Value) => whole(flag, value, 0, 65_535);

const count = (flag: string, value: Value) => whole(flag, value, 1, Infinity);

const exitCode = (flag: string, value: Value) => value === true ? 1 : whole(flag, value, 1, 255);

function rate(flag: string, value: Value): number {
  const number = Number(value);
  if (number > 0) return number;
  throw new Error(`${flag}: '${value}' is not a number above 0`);
}

function oneOf<T extends string>(...choices: readonly T[]) {
  return (flag: string, value: Value): T => {
    const choice = choices.find((choice) => choice === value);
    if (choice) return choice;
    throw new Error(`${flag}: '${value}' is not ${choices.join(" or ")}`);
  };
}

const hang = (flag: string, value: Value) =>
  value === true ? "all" : oneOf("all", "requests")(flag, value);
