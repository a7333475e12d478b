/** docs/CLIENTS.md, made of the table and of what came of it. */
import { type Call, CALLS, CLIENTS } from "./calls.ts";
import { type Guarantee, GUARANTEES } from "./guarantees.ts";
import manifest from "./package.json" with { type: "json" };

export const PAGE = new URL("../../docs/CLIENTS.md", import.meta.url).pathname;

const HEAD =
  `<!-- Made by \`deno task test:clients --write\`; the gate checks that it is up to date. -->

# Clients

Programs that speak to OpenAI or Anthropic need a base URL and nothing else to speak to this
gateway. Each cell below is a test of that name in \`deno task test:clients\`: the real SDK from npm,
run by Node, in front of a gateway with sleeping models. Unless said otherwise, every SDK retries as
it does by default, and each answer is counted at the engine: an answered request was generated
once, and of one client's tries never two run at a time.
`;

const LEGEND = `
✓ shown at every run · ✓¹ shown at every run without retries, and with them by \`--slow\` (LangChain
tries seven times, which takes over a minute) · ✓² shown by \`--slow\` · ✗ it failed · a number: of so
many calls · empty: the client has no such call
`;

const LIMITS = `
## With a real vLLM

\`deno task test:vllm\` makes the same calls, but for vectors and audio, with a real vLLM behind the
gateway: all at once while it sleeps, again when it is up, and when it is killed in the middle. All 20
passed with vLLM 0.32 on 2026-11-27.

## What a client should know

- OpenAI's SDK tells the server of a timeout that is given with the request (\`create(…, { timeout })\`)
  and keeps a client's timeout to itself. Only one that is told can be answered in time.
- LangChain and the AI SDK do not read \`x-should-retry\`: where a wake cannot succeed they try again
  all the same, and are refused at once.
`;

/** The page as `deno fmt` leaves it. */
export async function pageOf(passed: (guarantee: Guarantee, call: Call) => boolean) {
  const sections = CLIENTS.map((client) => `\n## ${client}\n\n${tableOf(client, passed)}`);
  return await formatted([HEAD, overview(passed), LEGEND, LIMITS, ...sections].join("\n"));
}

type Passed = (guarantee: Guarantee, call: Call) => boolean;

function overview(passed: Passed): string {
  const cell = (guarantee: Guarantee, client: string) => {
    const calls = CALLS.filter((call) => call.client === client && guarantee.for(call));
    const ones = [...new Set(calls.map((call) => mark(guarantee, call, passed)))];
    return calls.length === 0 ? "" : `${ones.sort().join(" ")} ${calls.length}`;
  };
  return table(
    ["guarantee", "what it means", ...CLIENTS.map((client) => `${client} ${versionOf(client)}`)],
    GUARANTEES.map((guarantee) => [
      ...[guarantee.name, guarantee.promise],
      ...CLIENTS.map((client) => cell(guarantee, client)),
    ]),
  );
}

function tableOf(client: string, passed: Passed): string {
  const calls = CALLS.filter((call) => call.client === client);
  return table(
    ["guarantee", ...calls.map(({ name }) => `\`${name}\``)],
    GUARANTEES.map((guarantee) => [
      guarantee.name,
      ...calls.map((call) => guarantee.for(call) ? mark(guarantee, call, passed) : ""),
    ]),
  );
}

/** The same whether the slow ones ran or not, as long as none failed. */
function mark(guarantee: Guarantee, call: Call, passed: Passed): string {
  if (!passed(guarantee, call)) return "✗";
  if (guarantee.isSlow) return "✓²";
  return guarantee.langchainIsSlow && call.client === "@langchain/openai" ? "✓¹" : "✓";
}

function versionOf(client: string): string {
  const versions: Readonly<Record<string, string>> = manifest.dependencies;
  const own = versions[client]!;
  return client.startsWith("@ai-sdk/") ? `${own} (ai ${versions.ai})` : own;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

async function formatted(markdown: string): Promise<string> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--ext", "md", "--line-width", "100", "-"],
    ...{ stdin: "piped", stdout: "piped" },
  }).spawn();
  const input = child.stdin.getWriter();
  await input.write(new TextEncoder().encode(markdown));
  await input.close();
  const { success, stdout } = await child.output();
  if (!success) throw new Error("Cannot format docs/CLIENTS.md");
  return new TextDecoder().decode(stdout);
}
