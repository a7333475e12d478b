/**
 * `deno task compile [TARGET...]`: the bundle and Deno as one executable, by default for this machine, in
 * dist/vllm-autoscaler; else for each of TARGETS, in dist/vllm-autoscaler-TARGET. Deno downloads what it puts in front.
 */
import { bundle, BUNDLE_FILES } from "./bundle.ts";

const ROOT = new URL("../", import.meta.url).pathname;
const DIST = `${ROOT}dist`;

/** By our names, Deno's. */
const TARGETS: Readonly<Record<string, string>> = {
  "linux-x64": "x86_64-unknown-linux-gnu",
  "linux-arm64": "aarch64-unknown-linux-gnu",
  "macos-x64": "x86_64-apple-darwin",
  "macos-arm64": "aarch64-apple-darwin",
};

/** All rights: a model may be a local process, and its config may lie anywhere. */
async function compile(output: string, ...flags: string[]): Promise<boolean> {
  const [program, ...lazy] = BUNDLE_FILES;
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["compile", "--no-config", "--allow-all"],
      ...lazy.flatMap((file) => ["--include", `${DIST}/${file}`]),
      ...[...flags, "--output", output, `${DIST}/${program}`],
    ],
    stdin: "null",
  }).spawn().status;
  return success;
}

const unknown = Deno.args.find((name) => !(name in TARGETS));
if (unknown !== undefined) {
  console.error(`There is no target '${unknown}'; there are ${Object.keys(TARGETS).join(", ")}`);
  Deno.exit(2);
}
await bundle(DIST);
const name = `${DIST}/vllm-autoscaler`;
const outcomes = Deno.args.length === 0 ? [await compile(name)] : [];
for (const target of Deno.args) {
  outcomes.push(await compile(`${name}-${target}`, "--target", TARGETS[target]!));
}
Deno.exit(outcomes.every(Boolean) ? 0 : 1);
