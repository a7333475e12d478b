/**
 * `deno task test:clients`: the SDKs from npm in front of the gateway (tests/clients). Installs them
 * first, if they are not there or older than their lock file. `--slow` adds what takes over half a
 * minute, `--write` brings docs/CLIENTS.md up to date, other arguments go to `deno test`.
 */
import type { Counts } from "./count_tests.ts";
import { runTests } from "./run_tests.ts";

const FOLDER = new URL("../tests/clients/", import.meta.url).pathname;

/** Of the suite, not of `deno test`. */
const OWN_FLAGS = ["--slow", "--write"];

export interface Skipped {
  /** Why nothing was run. */
  readonly skipped: string;
}

export async function runClientTests(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Counts | Skipped> {
  if (!await isThere("npm")) return { skipped: "the SDKs come from npm, and there is no npm here" };
  if (await isOutdated() && !await install()) return { passed: 0, failed: 1 };
  const own = args.filter((arg) => OWN_FLAGS.includes(arg));
  const others = args.filter((arg) => !OWN_FLAGS.includes(arg));
  const test = ["test", "--allow-all", "--no-check", "--frozen", ...others];
  return await runTests([...test, `${FOLDER}sdks.ts`, "--", ...own], env);
}

async function isThere(program: string): Promise<boolean> {
  try {
    return (await new Deno.Command(program, { args: ["--version"] }).output()).success;
  } catch {
    return false;
  }
}

/** npm notes in the folder what it has installed there, when it is done. */
async function isOutdated(): Promise<boolean> {
  const changedMs = async (file: string) =>
    (await Deno.stat(FOLDER + file).catch(() => undefined))?.mtime?.getTime() ?? 0;
  const installedMs = await changedMs("node_modules/.package-lock.json");
  return installedMs < await changedMs("package-lock.json");
}

async function install(): Promise<boolean> {
  console.log(`npm ci, in ${FOLDER}`);
  const { success } = await new Deno.Command("npm", {
    // It would complain of the Node that it runs on itself; the SDKs run on their own, which a script of its package
    // fetches: also where whoever runs this (`npx --ignore-scripts`, by the environment) lets no other package's run.
    args: ["ci", "--ignore-scripts=false", "--loglevel=error"],
    ...{ cwd: FOLDER, stdin: "null" },
  }).spawn().status;
  if (!success) console.log("The SDKs could not be installed: is there a network?");
  return success;
}

if (import.meta.main) {
  const result = await runClientTests(Deno.args);
  if ("skipped" in result) {
    console.log(`\nskipped: ${result.skipped}`);
    Deno.exit(0);
  }
  console.log(`\n${result.passed} passed, ${result.failed} failed`);
  Deno.exit(result.failed === 0 ? 0 : 1);
}
