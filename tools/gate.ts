/**
 * `deno task test`: the whole gate in order: format, lint, types, tests. All of it runs, whatever
 * fails on the way; the last line counts the tests, and each failed check as one failure more.
 * Arguments go to `deno test`.
 */
import { runClientTests } from "./client_tests.ts";
import { runTests } from "./run_tests.ts";

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

async function passes(name: string, args: readonly string[]): Promise<boolean> {
  console.log(`\n== ${name}: deno ${args.join(" ")}`);
  const command = new Deno.Command(Deno.execPath(), { args: [...args], env, stdin: "null" });
  const { success, code } = await command.spawn().status;
  if (!success) console.log(`== ${name} failed (exit code ${code})`);
  return success;
}

let failedChecks = 0;
for (const [name, ...args] of CHECKS) {
  if (!await passes(name, args)) failedChecks++;
}
const seed = Deno.env.get("CI") ? ["--preload=tools/fixed_seed.ts"] : [];
const args = ["test", "--allow-all", "--no-check", "--frozen", "--parallel", ...seed, ...Deno.args];
console.log(`\n== tests: deno ${args.join(" ")}`);
const suites = [await runTests(args, env)];
// Whoever names files wants those.
if (Deno.args.length === 0) {
  console.log("\n== clients: deno task test:clients");
  const clients = await runClientTests([], env);
  if (clients) suites.push(clients);
}
const passed = suites.reduce((sum, counts) => sum + counts.passed, 0);
const failed = suites.reduce((sum, counts) => sum + counts.failed, failedChecks);
console.log(`\n${passed} passed, ${failed} failed`);
Deno.exit(failed === 0 ? 0 : 1);
