/** Completions for zsh, in the words of its `_arguments`. */
import type { Completable, CompletableOption, Value } from "./completion_tree.ts";
import { MODELS_COMMAND } from "./shells.ts";

export function zshScript({ name, options, commands }: Completable): string {
  const fn = `_${name.replaceAll("-", "_")}`;
  return `#compdef ${name}
# Completions of ${name} for zsh:
#   source <(${name} completions zsh)
# or, in a folder of $fpath:
#   ${name} completions zsh > ${fn}

${fn}_models() {
  local -a names
  names=(\${(f)"$($${fn}_program ${MODELS_COMMAND} $${fn}_reach 2>/dev/null)"})
  compadd -a names
}

${fn}() {
  local curcontext="$curcontext" state line
  typeset -A opt_args
  local ${fn}_program=$words[1]
  local -a ${fn}_reach=()
  local at
  for flag in --url --key; do
    at=\${words[(i)$flag]}
    (( at < $#words )) && ${fn}_reach+=($flag $words[at+1])
  done
  _arguments -C \\
${options.map((option) => `    ${optionSpec(option)} \\\n`).join("")}    '1: :->command' \\
    '*:: :->rest'
  case $state in
    command)
      local -a commands
      commands=(
${commands.map(({ name, description }) => `        ${quoted(`${name}:${description}`)}`).join("\n")}
      )
      _describe command commands
      ;;
    rest)
      case $line[1] in
${commands.map((command) => commandCase(command, fn)).join("\n")}
      esac
      ;;
  esac
}

if [[ $funcstack[1] == ${fn} ]]; then
  ${fn} "$@"
else
  compdef ${fn} ${name}
fi
`;
}

function commandCase({ name, options, values }: Completable, fn: string): string {
  const specs = [
    ...options.map((option) => optionSpec(option, fn)),
    ...values.map((value, at) => quoted(`${at + 1}:${value.name}:${action(value, fn)}`)),
  ];
  return `        ${name})\n          _arguments ${
    specs.map((spec) => `\\\n            ${spec}`).join(" ")
  }\n          ;;`;
}

function optionSpec({ names, description, value }: CompletableOption, fn = ""): string {
  const text = description.replace(/[[\]]/g, "\\$&");
  const takes = value ? `:${value.name}:${action(value, fn)}` : "";
  const others = names.length > 1 ? `(${names.join(" ")})` : "";
  // Or as `--flag=value`.
  const sign = (each: string) => value && each.startsWith("--") ? "=" : "";
  return names.map((each) => quoted(`${others}${each}${sign(each)}[${text}]${takes}`)).join(" ");
}

function action({ kind, choices }: Value, fn: string): string {
  switch (kind) {
    case "choices":
      return `(${choices.join(" ")})`;
    case "file":
      return "_files";
    case "model":
      return `${fn}_models`;
    case "any":
      return " ";
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
