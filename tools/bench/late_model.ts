/** The config of a model whose engine is `late_server.ts`. */
const SERVER = new URL("late_server.ts", import.meta.url).pathname;

/** As YAML, indented by two; its port answers `afterMs` after its start. */
export function lateModel(name: string, afterMs: number): string {
  const command = [Deno.execPath(), "run", "-A", "--no-check", SERVER, "${PORT}", `${afterMs}`];
  return `  ${name}:\n    process: { command: ${
    JSON.stringify(command)
  } }\n    idleTimeout: 100ms\n`;
}
