/** The program: a gateway at once, all other commands by way of the whole command line. */
import deno from "./deno.json" with { type: "json" };
import { plainServeFlags } from "./src/cli/serve_flags.ts";
import { systemTerminal as terminal } from "./src/cli/terminal.ts";

const { version } = deno;
const flags = plainServeFlags(Deno.args);
if (flags) {
  const { serveCommand } = await import("./src/cli/serve.ts");
  Deno.exit(await serveCommand({ ...flags, version, terminal }));
}
const { runCommandLine } = await import("./src/cli/command_line.ts");
Deno.exit(await runCommandLine(Deno.args, version));
