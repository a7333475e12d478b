/**
 * What Deno keeps of a program that it has run (its imports, its compiled code), made beforehand: a container, which
 * can write nowhere, listens in half the time with it, and needs 30 MiB less.
 *
 * These are databases of SQLite with a log beside them. Where nothing can be written they can be read only if the log is
 * there, and only if Deno finds all that it would put in: hence three runs, and copies of open databases.
 */
import { DatabaseSync } from "node:sqlite";

const RUNS = 3;
const DATABASES = ["dep_analysis_cache_v2", "node_analysis_cache_v2", "v8_code_cache_v2"];
const LISTENING = '"msg":"listening"';

/** A Deployment by way of a kubeconfig, so that its file of the bundle runs; its cluster is not there. */
const filesIn = (dir: string) => ({
  "config.yaml": `
server: { listen: 127.0.0.1:0, operator: 127.0.0.1:0, logFormat: json, shutdownDelay: 0s }
kubernetes: { kubeconfig: ${dir}/kubeconfig }
models: { m: { deployment: m } }
`,
  kubeconfig: `
current-context: a
clusters: [{ name: a, cluster: { server: "http://127.0.0.1:9" } }]
users: [{ name: a, user: { token: t } }]
contexts: [{ name: a, context: { cluster: a, user: a, namespace: a } }]
`,
});

export interface Warming {
  /** Starts the program, up to its own first word. */
  readonly words: readonly string[];
  /** A folder that will go again; `seenAs` is its path for the program. */
  readonly workDir: string;
  readonly seenAs: string;
}

/** Writes the databases into `dir`. @throws if the program does not start */
export async function writeDenoCache(dir: string, warming: Warming): Promise<void> {
  const { workDir, seenAs } = warming;
  await Deno.mkdir(workDir);
  try {
    for (const [name, text] of Object.entries(filesIn(seenAs))) {
      await Deno.writeTextFile(`${workDir}/${name}`, text);
    }
    for (let run = 0; run < RUNS; run++) await runUntilListening(warming);
    await Deno.mkdir(dir, { recursive: true });
    for (const name of DATABASES) await copyOpen(`${workDir}/cache/${name}`, `${dir}/${name}`);
  } finally {
    await Deno.remove(workDir, { recursive: true });
  }
}

async function runUntilListening({ words, seenAs }: Warming): Promise<void> {
  const [program, ...args] = [...words, "serve", "--config", `${seenAs}/config.yaml`];
  await using child = new Deno.Command(program!, {
    args,
    env: { DENO_DIR: `${seenAs}/cache`, DENO_NO_UPDATE_CHECK: "1" },
    ...{ stdin: "null", stdout: "null", stderr: "piped" },
  }).spawn();
  let log = "";
  for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
    const wasListening = log.includes(LISTENING);
    log += text;
    if (wasListening || !log.includes(LISTENING)) continue;
    await useWebSocket(log);
    child.kill("SIGTERM");
  }
  if (!log.includes(LISTENING)) throw new Error(`the program did not start:\n${log}`);
}

/** Whatever comes of it, so that its file of the bundle runs. */
async function useWebSocket(log: string): Promise<void> {
  const [, address] = /"url":"http:(.*?)"/.exec(log) ?? [];
  if (address === undefined) throw new Error(`the program does not say where it listens:\n${log}`);
  const socket = new WebSocket(`ws:${address}/v1/realtime?model=none`);
  await new Promise((resolve) => socket.onclose = resolve);
}

async function copyOpen(from: string, to: string): Promise<void> {
  using database = new DatabaseSync(from);
  // Opened is only what has been read.
  database.prepare("SELECT name FROM sqlite_master").all();
  for (const part of ["", "-wal", "-shm"]) await Deno.copyFile(from + part, to + part);
}
