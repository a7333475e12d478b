/** The flags of `serve`, and its short way in: how a gateway is started needs no command line to be read by. */
import type { ServeFlags } from "./serve_config.ts";

/** As commander takes them; a flag's value arrives under its name in camel case. */
export const SERVE_FLAGS: ReadonlyArray<readonly [flag: string, help: string]> = [
  ["--config <file>", "default $VLLM_AUTOSCALER_CONFIG, else ./config.yaml"],
  ["--port <port>", "listen there instead of server.listen's port"],
  ["--namespace <name>", "without a config file: the namespace of one Deployment, ..."],
  ["--deployment <name>", "... its name, ..."],
  ["--target-host <host>", "... the Service (or address) that its requests go to, ..."],
  ["--target-port <port>", "... that one's port, ..."],
  ["--idle-timeout <duration>", "... and how long it is quiet before it goes to zero"],
];

const NAMES = new Map(
  SERVE_FLAGS.map(([flag]) => flag.split(" ", 1)[0]!).map((flag) => [flag, inCamelCase(flag)]),
);

/**
 * The flags of `serve --flag value ...`, as commander would have them; undefined for all other words, right or wrong:
 * these are for commander, whose modules of Node's make a start longer by a third.
 */
export function plainServeFlags(words: readonly string[]): ServeFlags | undefined {
  const [command, ...rest] = words;
  if (command !== "serve" || rest.length % 2 !== 0) return undefined;
  const flags: Record<string, string> = {};
  for (let i = 0; i < rest.length; i += 2) {
    const name = NAMES.get(rest[i]!), value = rest[i + 1]!;
    if (name === undefined || value.startsWith("-")) return undefined;
    flags[name] = value;
  }
  return flags;
}

function inCamelCase(flag: string): string {
  return flag.slice(2).replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}
