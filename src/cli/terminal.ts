/** What a command has of the terminal and the process around it. */
import { partialEnv } from "../config/unset_variable.ts";

export interface Terminal {
  /** Takes text without its last newline. */
  out(text: string): void;
  err(text: string): void;
  /** True if `err` is a terminal and NO_COLOR does not forbid colour. */
  readonly colour: boolean;
  /** The same for `out`. */
  readonly outColour: boolean;
  /** True if `err` is a terminal. */
  readonly isInteractive: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Calls back at each such signal until disposed. */
  onSignal(name: "SIGTERM" | "SIGINT" | "SIGHUP", callback: () => void): Disposable;
}

const encoder = new TextEncoder();

/** Writes all of `text`; a reader that has gone (`… | head`) is no failure of ours. */
function write(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  const bytes = encoder.encode(`${text}\n`);
  try {
    for (let at = 0; at < bytes.length;) at += stream.writeSync(bytes.subarray(at));
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}

export const systemTerminal: Terminal = {
  out: (text) => write(Deno.stdout, text),
  err: (text) => write(Deno.stderr, text),
  get isInteractive() {
    return Deno.stderr.isTerminal();
  },
  get colour() {
    return Deno.stderr.isTerminal() && !Deno.env.get("NO_COLOR");
  },
  get outColour() {
    return Deno.stdout.isTerminal() && !Deno.env.get("NO_COLOR");
  },
  get env() {
    return partialEnv(Deno.env.toObject(), (variable) => {
      return Deno.permissions.querySync({ name: "env", variable }).state !== "granted";
    });
  },
  onSignal(name, callback) {
    Deno.addSignalListener(name, callback);
    return { [Symbol.dispose]: () => Deno.removeSignalListener(name, callback) };
  },
};
