/** Completions for fish: a line for each thing that can be typed, and when. */
import type { Completable, CompletableOption, Value } from "./completion_tree.ts";
import { MODELS_COMMAND } from "./shells.ts";

export function fishScript({ name, options, commands }: Completable): string {
  const fn = `__${name.replaceAll("-", "_")}`;
  const names = commands.map((command) => command.name).join(" ");
  const line = (condition: string, rest: string) =>
    `complete -c ${name} -n ${quoted(condition)} ${rest}`;
  const none = `not __fish_seen_subcommand_from ${names}`;
  return [
    `# Completions of ${name} for fish:`,
    `#   ${name} completions fish | source`,
    "",
    `function ${fn}_models`,
    "    set -l words (commandline -opc)",
    "    set -l reach",
    "    for flag in --url --key",
    "        if set -l at (contains -i -- $flag $words)",
    "            and set -q words[(math $at + 1)]",
    "            set -a reach $flag $words[(math $at + 1)]",
    "        end",
    "    end",
    `    $words[1] ${MODELS_COMMAND} $reach 2>/dev/null`,
    "end",
    "",
    `complete -c ${name} -f`,
    ...options.map((option) => line(none, optionFlags(option, fn))),
    ...commands.map((command) =>
      line(none, `-a ${command.name} -d ${quoted(command.description)}`)
    ),
    ...commands.flatMap((command) => {
      const seen = `__fish_seen_subcommand_from ${command.name}`;
      return [
        ...command.options.map((option) => line(seen, optionFlags(option, fn))),
        ...command.values.flatMap((value) => {
          const flags = valueFlags(value, fn);
          return flags === "" ? [] : [line(seen, flags)];
        }),
      ];
    }),
    "",
  ].join("\n");
}

function optionFlags({ names, description, value }: CompletableOption, fn: string): string {
  const flags = names.map((each) =>
    each.startsWith("--") ? `-l ${each.slice(2)}` : `-s ${each.slice(1)}`
  );
  const takes = value ? ["-r", valueFlags(value, fn)] : [];
  return [...flags, ...takes, `-d ${quoted(description)}`].filter((flag) => flag !== "").join(" ");
}

function valueFlags({ kind, choices }: Value, fn: string): string {
  switch (kind) {
    case "choices":
      return `-a ${quoted(choices.join(" "))}`;
    case "file":
      return "-F";
    case "model":
      return `-a ${quoted(`(${fn}_models)`)}`;
    case "any":
      return "";
  }
}

function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}
