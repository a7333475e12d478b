/** Runs `deno test`, shows what it prints, and counts. */
import { type Counts, countTests } from "./count_tests.ts";

/** `args` are those of `deno`, beginning with `test`. */
export async function runTests(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Counts> {
  const child = new Deno.Command(Deno.execPath(), {
    ...{ args: [...args], env: { ...env }, stdin: "null", stdout: "piped" },
  }).spawn();
  const decoder = new TextDecoder();
  let output = "";
  for await (const chunk of child.stdout) {
    output += decoder.decode(chunk, { stream: true });
    for (let at = 0; at < chunk.length;) at += await Deno.stdout.write(chunk.subarray(at));
  }
  return countTests(output, (await child.status).code);
}
