/**
 * `deno task test:clients`: the real SDKs in front of the gateway (`tests/clients`). Installs them where they
 * are missing or not those of the lockfile. `--slow` adds the checks that wait over half a minute, `--write` writes
 * docs/CLIENTS.md.
 */
import type { Counts } from "./count_tests.ts";
import { runTests } from "./run_tests.ts";

const FOLDER = new URL("../tests/clients/", import.meta.url).pathname;

/** Undefined where they cannot be run: without npm. */
export async function runClientTests(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Counts | undefined> {
  if (!await isInstalled() && !await install()) return undefined;
  const file = `${FOLDER}sdks.ts`;
  return await runTests(
    [
      "test",
      "--allow-all",
      "--no-check",
      "--frozen",
      file,
      ...(args.length ? ["--", ...args] : []),
    ],
    env,
  );
}

/** npm keeps a copy of the lockfile that it installed. */
async function isInstalled(): Promise<boolean> {
  const [locked, installed] = await Promise.all(
    ["package-lock.json", "node_modules/.package-lock.json"].map((name) =>
      Deno.stat(FOLDER + name).catch(() => undefined)
    ),
  );
  return installed !== undefined && installed.mtime! >= locked!.mtime!;
}

async function install(): Promise<boolean> {
  console.log("== npm ci in tests/clients");
  const command = new Deno.Command("npm", { args: ["ci"], cwd: FOLDER, stdin: "null" });
  try {
    const { success, code } = await command.spawn().status;
    if (!success) throw new Error(`npm ci ended with exit code ${code}`);
    return true;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    console.log("skipped: the clients' checks need npm, which installs their SDKs");
    return false;
  }
}

if (import.meta.main) {
  const counts = await runClientTests(Deno.args);
  if (counts) console.log(`\n${counts.passed} passed, ${counts.failed} failed`);
  Deno.exit(counts?.failed ? 1 : 0);
}
