/** The scripts of `completions` in the shells that they are for; one that is not installed is left out, and said so. */
import { expect } from "expect";
import { engineModel, GatewayProcess } from "../src/testing/gateway_process.ts";
import { PROGRAM_WORDS } from "../src/testing/program.ts";

const PROGRAM = "vllm-autoscaler";

/** A folder with the program by its name, and its scripts. */
class Place implements AsyncDisposable {
  private constructor(readonly dir: string) {}

  static async make(): Promise<Place> {
    const dir = await Deno.makeTempDir({ prefix: "completions-" });
    const text = `#!/bin/sh\nexec ${PROGRAM_WORDS.map((word) => `'${word}'`).join(" ")} "$@"\n`;
    await Deno.writeTextFile(`${dir}/${PROGRAM}`, text, { mode: 0o755 });
    await Deno.writeTextFile(`${dir}/config.yaml`, "");
    return new Place(dir);
  }

  async run(
    program: string,
    args: readonly string[],
    url = "http://127.0.0.1:1",
  ): Promise<string> {
    const { stdout, stderr } = await new Deno.Command(program, {
      ...{ args: [...args], cwd: this.dir },
      env: { PATH: `${this.dir}:${Deno.env.get("PATH")}`, VLLM_AUTOSCALER_URL: url, TERM: "dumb" },
    }).output();
    const text = new TextDecoder().decode(stdout);
    if (text === "" && stderr.length > 0) return new TextDecoder().decode(stderr);
    return text;
  }

  /** The path of a shell's script. */
  async script(shell: string): Promise<string> {
    const path = `${this.dir}/${shell}.script`;
    await Deno.writeTextFile(path, await this.run(PROGRAM, ["completions", shell]));
    return path;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Deno.remove(this.dir, { recursive: true });
  }
}

/** What a shell offers for `line`, whose end is the cursor. */
type Ask = (place: Place, script: string, line: string, url?: string) => Promise<string[]>;

const words = (text: string) => text.split(/\s+/).filter(Boolean);

const bash: Ask = async (place, script, line, url) => {
  const text = `source ${script}; COMP_LINE='${line}' COMP_POINT=${line.length}; COMP_WORDS=(x)\n` +
    `COMP_CWORD=0; _vllm_autoscaler; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return words(await place.run("bash", ["--norc", "-c", text], url));
};

const fish: Ask = async (place, script, line, url) => {
  const text = `source ${script}; complete -C '${line}'`;
  const offered = await place.run("fish", ["--no-config", "-c", text], url);
  return offered.split("\n").map((each) => each.split("\t")[0]!).filter(Boolean);
};

/** In an interactive shell, which is all that completes there: what is offered is what reaches compadd and fits. */
const ZSH = `PROMPT=
autoload -U compinit; compinit -u -D
unsetopt auto_list auto_menu beep
source $SCRIPT
compadd() {
  [[ \${@[1,(i)(-|--)]} == *-(O|A|D)\\ * ]] && { builtin compadd "$@"; return }
  local -a fit
  builtin compadd -O fit "$@"
  print -rl -- $fit >> offered
  builtin compadd "$@"
}
complete-and-note() { zle complete-word; : > done }
zle -N complete-and-note
bindkey '^I' complete-and-note
: > ready
`;

/** Feeds it; a file that appears says how far it is. */
const ZPTY = `zmodload zsh/zpty; zmodload zsh/zselect
until_there() {
  local n junk
  for (( n = 0; n < 500; n++ )); do
    [[ -e $1 ]] && return
    zpty -rt z junk
    zselect -t 2
  done
}
zpty -b z 'zsh -f -i'
zpty -w z 'source inner.zsh'; until_there ready
zpty -w -n z "$LINE_"$'\t'; until_there done
zpty -d z
`;

const zsh: Ask = async (place, script, line, url) => {
  await Deno.writeTextFile(`${place.dir}/inner.zsh`, ZSH.replace("$SCRIPT", script));
  await Deno.writeTextFile(`${place.dir}/offered`, "");
  for (const name of ["ready", "done"]) await Deno.remove(`${place.dir}/${name}`).catch(() => {});
  await place.run("zsh", ["-f", "-c", `LINE_=${JSON.stringify(line)}\n${ZPTY}`], url);
  return words(await Deno.readTextFile(`${place.dir}/offered`));
};

const SHELLS: Readonly<Record<string, Ask>> = { bash, zsh, fish };

async function isInstalled(shell: string): Promise<boolean> {
  try {
    return (await new Deno.Command(shell, { args: ["--version"], stdout: "null" }).output())
      .success;
  } catch {
    return false;
  }
}

for (const [shell, ask] of Object.entries(SHELLS)) {
  const there = await isInstalled(shell);
  if (!there) console.warn(`skipped: completions for ${shell}, which is not installed here`);
  Deno.test({
    name: `${shell} completes commands, options, choices, files and models`,
    ignore: !there,
    fn: async () => {
      await using place = await Place.make();
      const script = await place.script(shell);
      const offered = async (line: string, url?: string) =>
        [...new Set(await ask(place, script, `${PROGRAM} ${line}`, url))].sort();
      expect(await offered("")).toEqual(expect.arrayContaining(["doctor", "serve", "wake"]));
      expect(await offered("")).not.toContain("models");
      expect(await offered("dis")).toEqual(["discover"]);
      expect(await offered("manifests --any")).toEqual(["--any-workload"]);
      expect(await offered("completions ")).toEqual(
        expect.arrayContaining(["bash", "fish", "zsh"]),
      );
      expect(await offered("validate con")).toEqual(["config.yaml"]);
      expect(await offered("serve --config con")).toEqual(["config.yaml"]);
      // Nobody answers there: quietly nothing.
      expect(await offered("wake ")).not.toContain("small");
      await using gateway = await GatewayProcess.start(
        engineModel("small") + engineModel("big") + engineModel("tagged:7b"),
        { server: "operator: 127.0.0.1:0" },
      );
      const url = gateway.operatorUrl;
      expect(await offered("wake s", url)).toEqual(["small"]);
      expect(await offered(`wake --url ${url} --wait b`)).toEqual(["big"]);
      if (shell === "bash") expect(await offered("wake tagged:", url)).toEqual(["7b"]);
    },
  });
}
