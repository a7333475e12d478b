/**
 * `deno task test`: the whole gate in order: format, lint, types, tests. All of it runs, whatever
 * fails on the way; the last line counts the tests, and each failed check as one failure more.
 * Arguments go to `deno test`.
 */
import { countTests } from "./count_tests.ts";

/** Test files that run at once: they share the processor with the processes that they start. */
const JOBS_MAX = 4;

const CHECKS = [
  ["format", "fmt", "--check"],
  ["lint", "lint"],
  ["types", "check", "--frozen"],
] as const;

const env = {
  /** Deno's own stack says nothing about a test that failed. */
  RUST_BACKTRACE: "0",
  ...(Deno.stdout.isTerminal() ? {} : { NO_COLOR: "1" }),
  DENO_JOBS: Deno.env.get("DENO_JOBS") ?? String(Math.min(navigator.hardwareConcurrency, JOBS_MAX)),
};

function command(name: string, args: readonly string[], stdout: "inherit" | "piped"): Deno.Command {
  console.log(`\n== ${name}: deno ${args.join(" ")}`);
  return new Deno.Command(Deno.execPath(), { args: [...args], env, stdin: "null", stdout });
}

async function passes(name: string, args: readonly string[]): Promise<boolean> {
  const { success, code } = await command(name, args, "inherit").spawn().status;
  if (!success) console.log(`== ${name} failed (exit code ${code})`);
  return success;
}

/** Runs the tests, showing what they print; resolves to that, and the exit code. */
async function runTests(args: readonly string[]): Promise<[string, number]> {
  const child = command("tests", args, "piped").spawn();
  const decoder = new TextDecoder();
  let output = "";
  for await (const chunk of child.stdout) {
    output += decoder.decode(chunk, { stream: true });
    await writeAll(chunk);
  }
  return [output, (await child.status).code];
}

async function writeAll(bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await Deno.stdout.write(bytes.subarray(at));
}

let failedChecks = 0;
for (const [name, ...args] of CHECKS) {
  if (!await passes(name, args)) failedChecks++;
}
const args = ["test", "--allow-all", "--no-check", "--frozen", "--parallel", ...Deno.args];
const { passed, failed } = countTests(...await runTests(args));
console.log(`\n${passed} passed, ${failed + failedChecks} failed`);
Deno.exit(failed + failedChecks === 0 ? 0 : 1);
