/** What can be typed after the program's name, read from its own commands and options, so that it cannot drift. */
import type { Argument, Command, Option } from "commander";

/** What may stand at a place of the command line. */
export interface Value {
  /** For people, e.g. `file`. */
  readonly name: string;
  readonly kind: "choices" | "file" | "model" | "any";
  readonly choices: readonly string[];
}

export interface CompletableOption {
  /** With their dashes, the long one first. */
  readonly names: readonly string[];
  readonly description: string;
  /** Undefined: it takes none. */
  readonly value: Value | undefined;
}

export interface Completable {
  readonly name: string;
  readonly description: string;
  readonly options: readonly CompletableOption[];
  readonly values: readonly Value[];
  readonly commands: readonly Completable[];
}

export function completable(command: Command): Completable {
  const help = command.createHelp();
  return {
    name: command.name(),
    description: command.description(),
    options: help.visibleOptions(command).map(optionOf),
    values: command.registeredArguments.map((argument: Argument) =>
      valueOf(argument.name(), argument.argChoices)
    ),
    // `help COMMAND` is `COMMAND --help`.
    commands: help.visibleCommands(command).filter((each) => each.name() !== "help")
      .map(completable),
  };
}

function optionOf({ long, short, flags, description, argChoices }: Option): CompletableOption {
  const [, name] = /[<[]([^>\]]+)/.exec(flags) ?? [];
  return {
    names: [long, short].filter((each) => typeof each === "string"),
    description,
    value: name === undefined ? undefined : valueOf(name, argChoices),
  };
}

function valueOf(name: string, choices: readonly string[] | undefined): Value {
  if (choices) return { name, kind: "choices", choices };
  const kind = name === "file" || name === "model" ? name : "any";
  return { name, kind, choices: [] };
}
