/** `completions`: a script for a shell that completes the program's commands, options and models. */
import type { Command } from "commander";
import { bashScript } from "./completions_bash.ts";
import { fishScript } from "./completions_fish.ts";
import { zshScript } from "./completions_zsh.ts";
import type { Shell } from "./shells.ts";
import { type Completable, completable } from "./completion_tree.ts";

const SCRIPTS: Readonly<Record<Shell, (program: Completable) => string>> = {
  ...{ bash: bashScript, zsh: zshScript, fish: fishScript },
};

/** Gives the exit code; `out` takes text without its last newline. */
export function completionsCommand(
  { shell, program, out }: {
    readonly shell: Shell;
    readonly program: Command;
    readonly out: (text: string) => void;
  },
): 0 {
  out(SCRIPTS[shell](completable(program)).trimEnd());
  return 0;
}
