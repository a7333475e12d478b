/**
 * `deno task test:browser`: the status page in a real Chromium (tests/browser). `--screenshots` writes those of docs/,
 * other arguments go to `deno test`.
 */
import { findChromium } from "../tests/browser/browser.ts";
import type { Skipped } from "./client_tests.ts";
import type { Counts } from "./count_tests.ts";
import { runTests } from "./run_tests.ts";

const FOLDER = new URL("../tests/browser/", import.meta.url).pathname;

/** Of the suite, not of `deno test`. */
const OWN_FLAGS = ["--screenshots"];

export async function runBrowserTests(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Counts | Skipped> {
  if (!await findChromium()) {
    return { skipped: "there is no Chromium: apt-get install chromium, or set CHROMIUM to one" };
  }
  const own = args.filter((arg) => OWN_FLAGS.includes(arg));
  const others = args.filter((arg) => !OWN_FLAGS.includes(arg));
  const files = ["status_page.ts", "status_page_looks.ts"].map((file) => FOLDER + file);
  const test = ["test", "--allow-all", "--no-check", "--frozen", ...others];
  return await runTests([...test, ...files, "--", ...own], env);
}

if (import.meta.main) {
  const result = await runBrowserTests(Deno.args);
  if ("skipped" in result) {
    console.log(`\nskipped: ${result.skipped}`);
    Deno.exit(0);
  }
  console.log(`\n${result.passed} passed, ${result.failed} failed`);
  Deno.exit(result.failed === 0 ? 0 : 1);
}
