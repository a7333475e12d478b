/**
 * `deno task test:clients-python`: the SDKs for Python in front of the gateway (tests/clients). They
 * are installed into a virtual environment of their own, again whenever their versions change.
 * Arguments go to `deno test`.
 */
import { runTests } from "./run_tests.ts";

const FOLDER = new URL("../tests/clients/", import.meta.url).pathname;
const VENV = `${FOLDER}.venv`;

async function run(program: string, ...args: string[]): Promise<boolean> {
  try {
    const command = new Deno.Command(program, { args, stdin: "null", stdout: "null" });
    return (await command.spawn().status).success;
  } catch {
    return false;
  }
}

/** What is installed, as it was asked for: a file in the environment itself. */
async function install(): Promise<boolean> {
  const wanted = await Deno.readTextFile(`${FOLDER}requirements.txt`);
  const note = `${VENV}/installed.txt`;
  if (await Deno.readTextFile(note).catch(() => "") === wanted) return true;
  const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
  const done = await run("python3", "-m", "venv", "--clear", VENV) &&
    await run(`${VENV}/bin/python3`, ...pip, "--requirement", `${FOLDER}requirements.txt`);
  if (done) await Deno.writeTextFile(note, wanted);
  return done;
}

if (!await run("python3", "--version")) {
  console.log("\nskipped: there is no python3 here");
  Deno.exit(0);
}
if (!await install()) {
  console.log("The SDKs could not be installed: are there a network and python3-venv?");
  console.log("\n0 passed, 1 failed");
  Deno.exit(1);
}
const test = ["test", "--allow-all", "--no-check", "--frozen", ...Deno.args];
const { passed, failed } = await runTests([...test, `${FOLDER}python.ts`], {});
console.log(`\n${passed} passed, ${failed} failed`);
Deno.exit(failed === 0 ? 0 : 1);
