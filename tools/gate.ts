/**
 * `deno task test`: the whole gate in order: format, lint, types, bundle, tests, clients, browser. All
 * of it runs, whatever fails on the way; the last line counts the tests, and each failed check as one
 * failure more. Arguments go to `deno test`; with any, clients and browser are left out.
 *
 * What `tests/` starts is the bundle, as it is shipped; what the clients start is the sources.
 */
import { runBrowserTests } from "./browser_tests.ts";
import { bundle } from "./bundle.ts";
import { runClientTests } from "./client_tests.ts";
import type { Counts } from "./count_tests.ts";
import { runTests } from "./run_tests.ts";

/** Test files that run at once: they share the processor with the processes that they start. */
const JOBS_MAX = 4;

const CHECKS = [
  ["format", "fmt", "--check"],
  ["lint", "lint"],
  // Their packages are Node's, so that `deno check`, and with it deno.json, must not know these files.
  ["format of the clients", "fmt", "--check", "--no-config", "--line-width=100", "tests/clients"],
  ["lint of the clients", "lint", "--no-config", "tests/clients"],
  ["types", "check", "--frozen"],
] as const;

const NOTHING: Counts = { passed: 0, failed: 0 };

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

/** What tests start instead of the sources; nothing if there is no bundle. */
async function bundled(dir: string): Promise<Record<string, string>> {
  console.log("\n== bundle: deno task bundle");
  try {
    await bundle(dir);
    return { TEST_PROGRAM: `${dir}/vllm-autoscaler.js` };
  } catch (error) {
    console.log(`== bundle failed: ${(error as Error).message}`);
    failedChecks++;
    return {};
  }
}

/** After the others, which would take the processor from its timeouts. */
async function testSuite(name: string, run: typeof runClientTests): Promise<Counts> {
  console.log(`\n== ${name}: deno task test:${name}`);
  const result = await run([], env);
  if (!("skipped" in result)) return result;
  console.log(`== ${name}: skipped, ${result.skipped}`);
  return NOTHING;
}

let failedChecks = 0;
for (const [name, ...args] of CHECKS) {
  if (!await passes(name, args)) failedChecks++;
}
const dir = await Deno.makeTempDir({ prefix: "bundle-" });
const program = await bundled(dir);
const seed = Deno.env.get("CI") ? ["--preload=tools/fixed_seed.ts"] : [];
const args = ["test", "--allow-all", "--no-check", "--frozen", "--parallel", ...seed, ...Deno.args];
console.log(`\n== tests: deno ${args.join(" ")}`);
const tests = await runTests(args, { ...env, ...program });
await Deno.remove(dir, { recursive: true });
const isWhole = Deno.args.length === 0;
const clients = isWhole ? await testSuite("clients", runClientTests) : NOTHING;
const browser = isWhole ? await testSuite("browser", runBrowserTests) : NOTHING;
const passed = tests.passed + clients.passed + browser.passed;
const failed = tests.failed + clients.failed + browser.failed + failedChecks;
console.log(`\n${passed} passed, ${failed} failed`);
Deno.exit(failed === 0 ? 0 : 1);
