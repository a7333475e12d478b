/**
 * Local processes as a dependency. A child is always dealt with as a whole process group, and it never
 * outlives the gateway, not even one that dies by SIGKILL.
 *
 * The command runs under a guard: `/bin/sh`, leader of a session and group of its own, forks a watcher
 * and then becomes the command by `exec`, so that pid, exit code and signal are the command's own. The
 * watcher reads a pipe whose other end only the gateway holds and never writes to; when that end is
 * closed, by the gateway or by its death, the watcher ends the group. It is in the group before the
 * command starts, so there is no moment without it: a gateway that dies before the fork leaves a pipe
 * that is at its end already. While the watcher lives the group's id cannot be given to somebody else.
 */

/** A live child, the leader of its group. */
export interface ChildProcess {
  readonly pid: number;
  /** The command itself has ended; others of its group may still be there. Never rejects. */
  readonly exit: Promise<Exit>;
  /** The whole group has ended and `output` was called for the last time. Never rejects. */
  readonly gone: Promise<void>;
  /** Signals the whole group; nothing happens once the command has ended. */
  signal(name: "SIGTERM" | "SIGKILL"): void;
}

export interface Exit {
  /** As a shell tells it: 128 and the signal's number for a command that was killed. */
  readonly code: number;
  readonly signal: string | undefined;
}

export interface SpawnOptions {
  /** The program, found by `PATH` if it names no folder, and its arguments. */
  readonly command: readonly string[];
  /** Added to the gateway's own environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** From SIGTERM to SIGKILL when the gateway has died; counted in whole seconds. */
  readonly stopGraceMs: number;
  /** Takes what the group writes, as it comes: it is read on always, so that nobody blocks on it. */
  readonly output: (chunk: Uint8Array, stream: "stdout" | "stderr") => void;
}

export interface Processes {
  /** @throws CannotSpawn */
  spawn(options: SpawnOptions): ChildProcess;
}

/** The command was not started; the message says why, e.g. `command not found: vllm`. */
export class CannotSpawn extends Error {
  override readonly name = "CannotSpawn";
}

/**
 * `$1` is the grace in seconds, `$$` the pid of the command, in the watcher too. The double fork keeps
 * the watcher from being a child of the command, which may wait for, or kill, all that it has. SIGTERM
 * comes twice because a loading vLLM swallows the first.
 */
const GUARD = `
exec 3<&0 </dev/null
( (
  trap '' TERM INT HUP
  read -r _ <&3
  kill -s TERM 0
  waited=0
  while [ "$waited" -lt "$1" ] && kill -0 $$; do
    sleep 1
    waited=$((waited + 1))
    [ "$waited" -eq 1 ] && kill -s TERM 0
  done
  kill -s KILL 0
) >/dev/null 2>&1 & )
exec 3<&-
shift
exec "$@"
`;

/** A group that was sent SIGKILL is waited for no longer: it may hold zombies that nobody reaps. */
const GONE_MAX_MS = 5_000;
/** How long the output of a group that has gone is waited for: a process that left it may hold it. */
const DRAIN_MAX_MS = 100;
const GONE_POLL_MS = 5;

export const systemProcesses: Processes = {
  spawn(options) {
    const { command, env, cwd, stopGraceMs, output } = options;
    checkSpawn(options);
    const child = spawnGuard(
      new Deno.Command("/bin/sh", {
        args: ["-c", GUARD, "guard", String(Math.ceil(stopGraceMs / 1000)), ...command],
        env: { ...env },
        cwd,
        detached: true,
        stdin: "piped",
        stdout: "piped",
        stderr: "piped",
      }),
    );

    let running = true;
    const exit = child.status.then(({ code, signal }): Exit => {
      running = false;
      return { code, signal: signal ?? undefined };
    });
    const readers = { stdout: child.stdout.getReader(), stderr: child.stderr.getReader() };
    const outputEnded = Promise.all([
      readAll(readers.stdout, (chunk) => output(chunk, "stdout")),
      readAll(readers.stderr, (chunk) => output(chunk, "stderr")),
    ]);
    const gone = exit.then(async () => {
      await endGroup(child.pid, outputEnded);
      await Promise.all([readers.stdout.cancel(), readers.stderr.cancel(), outputEnded]);
      await child.stdin.close().catch(() => {});
    });
    return {
      pid: child.pid,
      exit,
      gone,
      signal: (name) => void (running && kill(child.pid, name)),
    };
  },
};

function spawnGuard(command: Deno.Command): Deno.ChildProcess {
  try {
    return command.spawn();
  } catch (error) {
    throw new CannotSpawn(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

async function readAll(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  take: (chunk: Uint8Array) => void,
): Promise<void> {
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) take(next.value);
  } catch {
    // A pipe that cannot be read any more has ended.
  }
}

/**
 * Kills what is left of the group and waits until it is gone: either no such group exists, or nobody
 * holds the output any more. Both are asked because a zombie keeps its group (in a container whose
 * first process does not reap, for ever) and a process outside the group may keep the output.
 */
async function endGroup(pid: number, outputEnded: Promise<unknown>): Promise<void> {
  let silent = false;
  outputEnded.then(() => silent = true);
  let restMs = GONE_MAX_MS;
  while (true) {
    if (!kill(pid, "SIGKILL")) restMs = Math.min(restMs, DRAIN_MAX_MS);
    if (silent || restMs <= 0) return;
    await new Promise((resolve) => setTimeout(resolve, GONE_POLL_MS));
    restMs -= GONE_POLL_MS;
  }
}

/** False if there is no such group, or none of it may be signalled. */
function kill(group: number, name: Deno.Signal): boolean {
  try {
    Deno.kill(-group, name);
    return true;
  } catch {
    return false;
  }
}

/** What would keep it from being started, as far as can be seen without doing so. @throws CannotSpawn */
export function checkSpawn(options: Pick<SpawnOptions, "command" | "env" | "cwd">): void {
  checkDirectory(options.cwd);
  checkCommand(options);
}

function checkDirectory(path: string): void {
  const found = stat(path);
  if (!found) throw new CannotSpawn(`no such directory: ${path}`);
  if (found !== "unknown" && !found.isDirectory) throw new CannotSpawn(`not a directory: ${path}`);
}

/** Finds the command as the guard will, whose own message would come too late and be less exact. */
function checkCommand(
  { command, env, cwd }: Pick<SpawnOptions, "command" | "env" | "cwd">,
): void {
  const program = command[0] ?? "";
  const inFolder = (folder: string) => `${folder.startsWith("/") ? "" : `${cwd}/`}${folder}`;
  const paths = program.includes("/")
    ? [inFolder(program)]
    : (env.PATH ?? Deno.env.get("PATH") ?? "").split(":")
      .map((folder) => `${inFolder(folder)}/${program}`);
  const found = paths.map(stat).filter((info) =>
    info !== undefined && (info === "unknown" || info.isFile)
  );
  if (program === "" || found.length === 0) throw new CannotSpawn(`command not found: ${program}`);
  if (!found.some((info) => info === "unknown" || ((info?.mode ?? 0o111) & 0o111) !== 0)) {
    throw new CannotSpawn(`command is not executable: ${program}`);
  }
}

/** `unknown` where we may not look; then the guard finds out. */
function stat(path: string): Deno.FileInfo | "unknown" | undefined {
  try {
    return Deno.statSync(path);
  } catch (error) {
    return error instanceof Deno.errors.NotCapable ? "unknown" : undefined;
  }
}
