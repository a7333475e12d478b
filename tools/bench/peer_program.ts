/** The Go program at both ends of a benchmark (`peer/`), and the files that it sends. */
import { systemTcp } from "../../src/platform/tcp.ts";
import { eventually } from "../../src/testing/eventually.ts";

/** What `peer load` tells. */
export interface LoadReport {
  readonly count: number;
  readonly failed: number;
  readonly seconds: number;
}

export interface Server extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
}

export class PeerProgram implements AsyncDisposable {
  private constructor(readonly dir: string) {}

  /** @throws if Go is not there or does not build it */
  static async build(): Promise<PeerProgram> {
    const dir = await Deno.makeTempDir({ prefix: "peer-" });
    const { success, stderr } = await new Deno.Command("go", {
      args: ["build", "-o", `${dir}/peer`, "."],
      cwd: new URL("peer", import.meta.url).pathname,
      ...{ env: { CGO_ENABLED: "0" }, stdin: "null" },
    }).output();
    if (!success) throw new Error(`go build: ${new TextDecoder().decode(stderr)}`);
    return new PeerProgram(dir);
  }

  get path(): string {
    return `${this.dir}/peer`;
  }

  /** A chat request for `model` of about so many bytes, as a file. */
  async body(model: string, bytes: number): Promise<string> {
    const file = `${this.dir}/${model}-${bytes}.json`;
    await Deno.writeTextFile(file, chatOf(model, bytes));
    return file;
  }

  /** Runs it, behind the words `before`, and gives what it told last. @throws if it fails */
  async run<T>(words: readonly string[], before: readonly string[] = []): Promise<T> {
    const [program, ...args] = [...before, this.path, ...words];
    const { success, stdout, stderr } = await new Deno.Command(program!, { args, stdin: "null" })
      .output();
    if (!success) throw new Error(`peer ${words[0]}: ${new TextDecoder().decode(stderr)}`);
    return JSON.parse(new TextDecoder().decode(stdout).trim().split("\n").at(-1)!);
  }

  /** `peer upstream`, once it listens. */
  async upstream(before: readonly string[] = []): Promise<Server> {
    const port = systemTcp.freePort();
    const words = [...before, this.path, "upstream", `${port}`];
    return await server(words, port);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Deno.remove(this.dir, { recursive: true });
  }
}

/** Any program as a server of `port`, once that answers. */
export async function server(words: readonly string[], port: number): Promise<Server> {
  const [program, ...args] = words;
  const child = new Deno.Command(program!, { args, stdin: "null", stdout: "null" }).spawn();
  const end = async () => {
    try {
      child.kill();
    } catch {
      // It has ended already.
    }
    await child.status;
  };
  try {
    await eventually(async () => await systemTcp.connect("127.0.0.1", port, 1_000) === "accepted");
  } catch (error) {
    await end();
    throw error;
  }
  return { url: `http://127.0.0.1:${port}`, pid: child.pid, [Symbol.asyncDispose]: end };
}

/** A chat request of `bytes`, or little more. */
export function chatOf(model: string, bytes: number, more: Record<string, unknown> = {}): string {
  const write = (content: string) =>
    JSON.stringify({ model, messages: [{ role: "user", content }], ...more });
  return write("x".repeat(Math.max(1, bytes - write("").length)));
}

/** In front of a command: it runs on this core only. */
export function onCore(core: number): readonly string[] {
  return ["taskset", "-c", `${core}`];
}
