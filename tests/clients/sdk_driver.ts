/** The SDKs in a process of their own: told what to call, it says how each call came out. */

/** What a program gives its SDK; what is left out is the SDK's default. */
export interface Asked {
  readonly baseURL: string;
  readonly apiKey: string;
  readonly model: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly fileBytes: number;
  /** Of the client, in milliseconds in every SDK. */
  readonly timeout?: number;
  /** Of the one request, for the SDKs that tell the server only of this one. */
  readonly requestTimeout?: number;
  readonly maxRetries?: number;
}

/** One request of the SDK; without `status` if no answer came. */
export interface Attempt {
  readonly path: string;
  readonly body: string;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** The body of an answer that is an error. */
  readonly answer?: string;
}

/** What a program can see of an error. */
export interface SdkError {
  /** Its name and its classes, without `Error` itself. */
  readonly names: readonly string[];
  readonly message: string;
  readonly status?: number;
  readonly code?: string | number;
  readonly body?: string;
  readonly cause?: SdkError;
}

export interface Outcome {
  readonly attempts: readonly Attempt[];
  /** What the program got; undefined if an error was raised. */
  readonly text?: string;
  readonly error?: SdkError;
}

const FOLDER = new URL(".", import.meta.url).pathname;

/** The program that makes the calls, and its file. */
export type DriverCommand = readonly [program: string, file: string];

export const NODE: DriverCommand = [`${FOLDER}node_modules/node/bin/node`, `${FOLDER}driver.mjs`];

export const PYTHON: DriverCommand = [`${FOLDER}.venv/bin/python3`, `${FOLDER}driver.py`];

export class SdkDriver implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #waiting = new Map<number, PromiseWithResolvers<Outcome>>();
  readonly #output: Promise<void>;
  #calls = 0;

  constructor([program, file]: DriverCommand) {
    this.#child = new Deno.Command(program, {
      ...{ args: [file], stdin: "piped", stdout: "piped" },
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#output = this.#read();
  }

  async call(client: string, call: string, asked: Asked): Promise<Outcome> {
    const id = this.#calls++;
    const made = Promise.withResolvers<Outcome>();
    this.#waiting.set(id, made);
    const line = JSON.stringify({ id, client, call, ...asked });
    await this.#input.write(new TextEncoder().encode(`${line}\n`));
    return await made.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close();
    this.#child.kill();
    await this.#child.status;
    await this.#output;
  }

  async #read(): Promise<void> {
    let rest = "";
    for await (const text of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) {
        const { id, ...outcome } = JSON.parse(line);
        this.#waiting.get(id)!.resolve(outcome);
        this.#waiting.delete(id);
      }
    }
    for (const { reject } of this.#waiting.values()) {
      reject(new Error("The SDKs' process has ended"));
    }
  }
}
