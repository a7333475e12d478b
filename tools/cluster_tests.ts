/**
 * `deno task test:cluster`: every file of `tests/cluster`, one after another, on the cluster that
 * `$TEST_KUBECONFIG` names; without one each test is ignored, and says why. Arguments are files to run instead.
 */
import type { Counts } from "./count_tests.ts";
import { runTests } from "./run_tests.ts";

const FOLDER = "tests/cluster";

/** Breaks the control plane itself: last, so that it is in nobody's way. */
const LAST = ["chaos.ts"];

/** In the order in which they run. */
async function clusterTestFiles(): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(new URL(`../${FOLDER}`, import.meta.url))) {
    if (name.endsWith(".ts")) names.push(name);
  }
  const rank = (name: string) => LAST.indexOf(name);
  return names.sort().sort((a, b) => rank(a) - rank(b)).map((name) => `${FOLDER}/${name}`);
}

/** `files`: all of them if there are none. */
export async function runClusterTests(
  files: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Counts> {
  const all = files.length > 0 ? files : await clusterTestFiles();
  return await runTests(["test", "--allow-all", "--no-check", "--frozen", ...all], env);
}

if (import.meta.main) {
  const { passed, failed } = await runClusterTests(Deno.args);
  const isSkipped = !Deno.env.get("TEST_KUBECONFIG") && passed === 0;
  if (isSkipped) console.log("\nskipped: TEST_KUBECONFIG names no cluster");
  else console.log(`\n${passed} passed, ${failed} failed`);
  Deno.exit(failed === 0 || isSkipped ? 0 : 1);
}
