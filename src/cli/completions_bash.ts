/** Completions for bash: the place on the command line is found, then what may stand there is listed. */
import type { Completable, CompletableOption, Value } from "./completion_tree.ts";
import { MODELS_COMMAND } from "./shells.ts";

export function bashScript({ name, options, commands }: Completable): string {
  const fn = `_${name.replaceAll("-", "_")}`;
  return `# Completions of ${name} for bash:
#   source <(${name} completions bash)
${placeFunction(fn, commands)}

${listFunction(fn, options, commands)}
complete -F ${fn} ${name}
`;
}

/** Finds the place on the command line. */
function placeFunction(fn: string, commands: readonly Completable[]): string {
  return `${fn}() {
  local line=\${COMP_LINE:0:COMP_POINT} cur command= option= index=0 i word
  local -a words=() reach=()
  COMPREPLY=()
  # Not bash's own words: it would split at every \`:\` of a URL.
  read -ra words <<< "$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  cur=\${words[\${#words[@]}-1]}
  # What was typed before: the command, the option whose value comes next, how many arguments.
  for ((i = 1; i < \${#words[@]} - 1; i++)); do
    word=\${words[i]}
    if [[ -n $option ]]; then
      [[ $option == --url || $option == --key ]] && reach+=("$option" "$word")
      option=
    elif [[ -z $command ]]; then
      [[ $word != -* ]] && command=$word
    elif [[ $word == --url=* || $word == --key=* ]]; then
      reach+=("$word")
    elif [[ $word == -* ]]; then
      case "$command $word" in
${valued(commands)}
      esac
    else
      index=$((index + 1))
    fi
  done
  [[ $cur == --*=* ]] && option=\${cur%%=*} cur=\${cur#*=}
  ${fn}_list
  # What bash takes for the word begins after the last of these.
  word=\${cur%"\${cur##*[:=]}"}
  COMPREPLY=("\${COMPREPLY[@]#"$word"}")
}`;
}

/** Lists what may stand there. */
function listFunction(
  fn: string,
  options: readonly CompletableOption[],
  commands: readonly Completable[],
): string {
  const names = commands.map(({ name }) => name);
  return `# By the words before, which it takes from its caller.
${fn}_list() {
  if [[ -z $command ]]; then
    COMPREPLY=($(compgen -W "${[...names, ...all(options).split(" ")].join(" ")}" -- "$cur"))
    return
  fi
  if [[ -n $option ]]; then
    case "$command $option" in
${values(commands)}
    esac
    return
  fi
  if [[ $cur == -* ]]; then
    case $command in
${
    commands.map((command) =>
      `      ${command.name}) COMPREPLY=($(compgen -W "${all(command.options)}" -- "$cur")) ;;`
    ).join("\n")
  }
    esac
    return
  fi
  case "$command $index" in
${
    commands.flatMap(({ name, values }) =>
      values.map((value, index) => `    "${name} ${index}") ${listed(value)} ;;`)
    ).join("\n")
  }
  esac
}`;
}

function all(list: readonly CompletableOption[]): string {
  return list.flatMap(({ names }) => names).join(" ");
}

/** The options after which a value comes. */
function valued(commands: readonly Completable[]): string {
  const all = commands.flatMap(({ name, options }) =>
    options.filter(({ value }) => value)
      .flatMap(({ names }) => names.map((option) => `"${name} ${option}"`))
  );
  return `        ${all.join("|\\\n        ")}) option=$word ;;`;
}

function values(commands: readonly Completable[]): string {
  return commands.flatMap(({ name, options }) =>
    options.flatMap(({ names, value }) => {
      if (!value || value.kind === "any") return [];
      const places = names.map((option) => `"${name} ${option}"`).join("|");
      return [`      ${places}) ${listed(value)} ;;`];
    })
  ).join("\n");
}

function listed({ kind, choices }: Value): string {
  switch (kind) {
    case "choices":
      return `COMPREPLY=($(compgen -W "${choices.join(" ")}" -- "$cur"))`;
    case "file":
      // Names of files may have spaces in them.
      return `local IFS=$'\\n'; compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$cur"))`;
    case "model":
      return `COMPREPLY=($(compgen -W "$("\${words[0]}" ${MODELS_COMMAND} "\${reach[@]}" 2>/dev/null)" -- "$cur"))`;
    case "any":
      return ":";
  }
}
