/**
 * The program that whole-program tests start: the sources, or what `$TEST_PROGRAM` names: a bundle (`….js`), or an
 * executable. The gate names the bundle, the release each binary.
 */
import { resolve } from "node:path";

const ROOT = new URL("../../", import.meta.url).pathname;

/** Up to the program's own first word. */
export const SOURCE_WORDS: readonly string[] = [
  ...[Deno.execPath(), "run", "--allow-all", "--no-check"],
  `${ROOT}main.ts`,
];

/** The same of what is tested. */
export const PROGRAM_WORDS: readonly string[] = wordsOf(Deno.env.get("TEST_PROGRAM"));

function wordsOf(named: string | undefined): readonly string[] {
  if (!named) return SOURCE_WORDS;
  const path = resolve(ROOT, named);
  // As in the image, nothing of deno.json counts.
  return path.endsWith(".js")
    ? [Deno.execPath(), "run", "--allow-all", "--no-config", path]
    : [path];
}

/** The program under test with these arguments. */
export function programCommand(
  args: readonly string[],
  options: Omit<Deno.CommandOptions, "args"> = {},
): Deno.Command {
  const [program, ...words] = PROGRAM_WORDS;
  return new Deno.Command(program!, { ...options, args: [...words, ...args] });
}
