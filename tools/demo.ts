/** `deno task demo`: the gateway with two models that sleep, on this machine, without GPU or cluster. */
import deno from "../deno.json" with { type: "json" };
import { serveCommand } from "../src/cli/serve.ts";
import { systemTerminal } from "../src/cli/terminal.ts";

/** `wanted` if it is free, else any port that is. */
function pickPort(wanted: number): number {
  for (const port of [wanted, 0]) {
    try {
      using listener = Deno.listen({ hostname: "127.0.0.1", port });
      return (listener.addr as Deno.NetAddr).port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
  throw new Error("Cannot find a free port on 127.0.0.1");
}

const port = pickPort(8080);
const operator = `127.0.0.1:${pickPort(9090)}`;
const base = `http://127.0.0.1:${port}/v1`;
console.log(`
Two models, both asleep; nothing of them runs. Point any OpenAI client at

    ${base}        models qwen3-8b and llama-3.1-8b, any API key

or paste this into another terminal:

    curl -N ${base}/chat/completions -H 'content-type: application/json' \\
      -d '{"model":"qwen3-8b","stream":true,"messages":[{"role":"user","content":"Tell me a story"}]}'

The first request waits 3 s while its model starts. 20 s after the last answer the model sleeps again.
See it happen: http://${operator} in a browser, or deno task status --watch --url http://${operator}
Ctrl-C ends the demo.
`);
const code = await serveCommand({
  config: new URL("demo.yaml", import.meta.url).pathname,
  port: String(port),
  version: deno.version,
  terminal: {
    ...systemTerminal,
    env: { ...Deno.env.toObject(), DENO: Deno.execPath(), OPERATOR: operator },
  },
});
Deno.exit(code);
