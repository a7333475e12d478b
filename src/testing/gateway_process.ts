/** A real gateway for tests: a process of its own on a free port, with a config file in a folder of its own. */
import { eventually } from "./eventually.ts";
import { PROGRAM_WORDS, SOURCE_WORDS } from "./program.ts";

/** One line of the gateway's JSON log. */
export interface LogLine {
  readonly time: string;
  readonly level: string;
  readonly msg: string;
  readonly model?: string;
  readonly [field: string]: unknown;
}

/** The YAML of a process model that is a stand-in engine. */
export function engineModel(name: string, flags = "", settings = ""): string {
  const all = [
    ...PROGRAM_WORDS,
    "engine",
    "--port",
    "${PORT}",
    "--model",
    name,
    ...flags.split(" ").filter(Boolean),
  ];
  return `  ${name}:\n    process: { command: ${JSON.stringify(all)}, stopGrace: 5s }\n` +
    settings.split("\n").filter(Boolean).map((line) => `    ${line.trim()}\n`).join("");
}

/** How the program is started. */
export interface GatewayCommand {
  /** Up to the program's own first word; `dir` has the config file. */
  words(dir: string): readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** The config file's path as the program sees it; undefined: as we do. */
  readonly file?: string;
}

export const FROM_SOURCE: GatewayCommand = { words: () => SOURCE_WORDS, env: {} };

export const UNDER_TEST: GatewayCommand = { words: () => PROGRAM_WORDS, env: {} };

export class GatewayProcess implements AsyncDisposable {
  readonly lines: LogLine[] = [];
  /** What was printed that is no log line. */
  readonly text: string[] = [];
  url = "";
  /** Where its operator surface listens; empty: nowhere. */
  operatorUrl = "";
  #child!: Deno.ChildProcess;
  #output!: Promise<void>;
  status!: Promise<Deno.CommandStatus>;

  /** Of `serve`; undefined: the config file. */
  #args: readonly string[] | undefined;
  #command: GatewayCommand = UNDER_TEST;

  private constructor(readonly dir: string, readonly file: string) {}

  /** Starts `serve` with these flags in an empty folder, and waits until it listens or has ended. */
  static async serve(
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<GatewayProcess> {
    const dir = await Deno.makeTempDir({ prefix: "gateway-" });
    const gateway = new GatewayProcess(dir, `${dir}/config.yaml`);
    gateway.#args = args;
    gateway.#command = { ...UNDER_TEST, env };
    await gateway.run();
    return gateway;
  }

  /** Starts a gateway on `models` (YAML, indented by two) and waits until it listens, or has ended. */
  static async start(
    models: string,
    { server = "", routes = "", command = UNDER_TEST } = {},
  ): Promise<GatewayProcess> {
    const dir = await Deno.makeTempDir({ prefix: "gateway-" });
    const gateway = new GatewayProcess(dir, `${dir}/config.yaml`);
    gateway.#command = command;
    await gateway.write(models, { server, routes });
    await gateway.run();
    return gateway;
  }

  async write(models: string, { server = "", routes = "" } = {}): Promise<void> {
    const unless = (key: string, value: string) =>
      new RegExp(`^\\s*${key}:`, "m").test(server) ? "" : `${key}: ${value}\n`;
    const given = unless("listen", "127.0.0.1:0") + unless("shutdownDelay", "0s") +
      unless("operator", "false") + server;
    const lines = given.split("\n").filter(Boolean).map((line) => `  ${line.trim()}\n`).join("");
    await Deno.writeTextFile(
      this.file,
      `server:\n  logFormat: json\n` +
        `${lines}models:\n${models}${routes}`,
    );
  }

  /** Starts the process, also again after it has ended. */
  async run(): Promise<void> {
    const [program, ...words] = this.#command.words(this.dir);
    const file = this.#command.file ?? this.file;
    this.url = "";
    this.#child = new Deno.Command(program!, {
      args: [...words, "serve", ...this.#args ?? ["--config", file]],
      ...{ env: { ...this.#command.env }, cwd: this.dir },
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    this.status = this.#child.status;
    this.#output = this.#read(this.#child.stderr);
    let ended = false;
    this.status.then(() => ended = true);
    await eventually(() => this.url !== "" || ended);
    if (ended) await this.#output;
  }

  get pid(): number {
    return this.#child.pid;
  }

  signal(name: Deno.Signal): void {
    this.#child.kill(name);
  }

  /** Sends a chat request; `body` is merged into a small streaming one. */
  chat(
    model: string,
    body: Record<string, unknown> = {},
    init: RequestInit = {},
  ): Promise<Response> {
    const messages = [{ role: "user", content: "Tell me a story" }];
    return fetch(`${this.url}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model, messages, ...body }),
      ...init,
    });
  }

  /** The states that `model` went through, in order. */
  states(model: string): string[] {
    const states = ["waking", "active", "idle", "stopping", "asleep", "failed", "unknown"];
    return this.lines.filter((line) => line.model === model && states.includes(line.msg))
      .map(({ msg }) => msg);
  }

  async until(model: string, state: string, times = 1, deadlineMs = 20_000): Promise<void> {
    await eventually(
      () => this.states(model).filter((seen) => seen === state).length >= times,
      deadlineMs,
    );
  }

  /** Where the engine of `model` was last started. */
  engineUrl(model: string): string {
    const started = this.lines.findLast((line) =>
      line.model === model && line.msg === "process started"
    );
    return `http://127.0.0.1:${started?.port}`;
  }

  enginePids(): number[] {
    return this.lines.filter(({ msg }) => msg === "process started").map(({ pid }) => Number(pid));
  }

  /** Ends the gateway and waits until it has gone. */
  async stop(name: Deno.Signal = "SIGTERM"): Promise<Deno.CommandStatus> {
    try {
      this.signal(name);
    } catch {
      // It has ended already.
    }
    const status = await this.status;
    await this.#output;
    return status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await Deno.remove(this.dir, { recursive: true });
  }

  async #read(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    let rest = "";
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) this.#take(line);
    }
  }

  #take(line: string): void {
    if (!line.startsWith("{")) return void this.text.push(line);
    const parsed = JSON.parse(line) as LogLine;
    this.lines.push(parsed);
    if (parsed.msg !== "listening") return;
    this.url = String(parsed.url);
    this.operatorUrl = String(parsed.operator ?? "");
  }
}

/** True while a process with this pid is there. */
export async function isAlive(pid: number): Promise<boolean> {
  try {
    const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
    // A zombie has ended; only nobody has asked how.
    return !/\) Z /.test(stat);
  } catch {
    return false;
  }
}

/** True once none of these processes is there. */
export async function allGone(pids: readonly number[]): Promise<boolean> {
  return (await Promise.all(pids.map(isAlive))).every((alive) => !alive);
}
