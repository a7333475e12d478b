/** How a container is started: its words with what is known of its environment put in, and its flags. */
import { shellCommands } from "../../lib/shell_words.ts";
import type { Container } from "./pod_template.ts";

const SHELL = /^(?:ba|da|a|z)?sh$/;

/** Its commands, in order: one, unless a shell runs several. */
export function commandLines({ command = [], args = [], env = [] }: Container): string[][] {
  const known = new Map(env.map(({ name, value }) => [name, value]));
  const words = [...command, ...args].map((word) =>
    // Kubernetes' own form, put in before anything starts.
    word.replace(/\$\((\w+)\)/g, (all, name: string) => known.get(name) ?? all)
  );
  const flag = words.findIndex((word) => /^-[a-z]*c$/.test(word));
  if (!SHELL.test(baseName(words[0] ?? "")) || flag < 0) return words.length > 0 ? [words] : [];
  return shellCommands(words[flag + 1] ?? "").map((line) =>
    line.map((word) =>
      word.replace(/\$(?:(\w+)|\{(\w+)(?::?-([^}]*))?\})/g, (all, plain, braced, fallback) => {
        return known.get(plain ?? braced) ?? fallback ?? all;
      })
    )
  );
}

export function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** The values of a flag, however it is written: `--a b c`, `--a=b`, `--a_b`; undefined: it is not there. */
export function flagValues(words: readonly string[], ...names: string[]): string[] | undefined {
  for (let at = words.length - 1; at >= 0; at--) {
    const [, name = "", value] = /^(--?[\w-]+)(?:=(.*))?$/s.exec(words[at]!) ?? [];
    if (!names.includes(name.replace(/(?<=\w)_/g, "-"))) continue;
    if (value !== undefined) return [value];
    const rest = words.slice(at + 1);
    const end = rest.findIndex((word) => /^--?[a-zA-Z]/.test(word));
    return end < 0 ? rest : rest.slice(0, end);
  }
  return undefined;
}

/** The first value. */
export function flagValue(words: readonly string[], ...names: string[]): string | undefined {
  return flagValues(words, ...names)?.[0];
}

/** What nobody knows before it runs: a variable from a Secret, a command's output. */
export function isUnknown(word: string): boolean {
  return /\$[({\w]|`/.test(word);
}
