/** docs/CLIENTS.md, from what the checks found. */
import { type Call, CALLS, CLIENTS } from "./calls.ts";
import { type Guarantee, GUARANTEES } from "./guarantees.ts";

export const DOCUMENT = new URL("../../docs/CLIENTS.md", import.meta.url);

/** Of each client, as tests/clients/package.json pins it. */
type Versions = Readonly<Record<string, string>>;

export async function readVersions(): Promise<Versions> {
  const text = await Deno.readTextFile(new URL("package.json", import.meta.url));
  return JSON.parse(text).dependencies;
}

/** `failed`: the checks that did not come out as promised. */
export function renderDocument(
  versions: Versions,
  failed: (guarantee: Guarantee, call: Call) => boolean,
): string {
  const cell = (guarantee: Guarantee, client: string) => {
    const calls = CALLS.filter((call) => call.client === client && guarantee.for(call));
    if (calls.length === 0) return "";
    const broken = calls.filter((call) => failed(guarantee, call));
    return broken.length > 0 ? `fails: ${names(broken)}` : `✓ ${calls.length}`;
  };
  const rows = GUARANTEES.map((guarantee) => [
    `[${guarantee.name}](#${anchor(guarantee.name)})${guarantee.isSlow ? " (\\`--slow\\`)" : ""}`,
    ...CLIENTS.map((client) => cell(guarantee, client)),
  ]);
  const table = [
    ["", ...CLIENTS.map((client) => `${client} ${versions[client]}`)],
    ["---", ...CLIENTS.map(() => "---")],
    ...rows,
  ].map((row) => `| ${row.join(" | ")} |`).join("\n").replaceAll("\\`", "`");
  return `${HEAD(versions)}\n${table}\n\n## Which calls\n\n${calls()}\n\n` +
    `## What is promised\n\n${GUARANTEES.map(told).join("\n\n")}\n`;
}

const HEAD = ({ node }: Versions) =>
  `# Clients

Every line here is a check that ran: the SDK itself, under Node ${node} and with its default retries, in front of a gateway
process and engines that load, fail and die. \`deno task test:clients\` runs them, \`--write\` writes this page.
The number is how many of the SDK's calls a guarantee was checked with.
`;

function calls(): string {
  return CLIENTS.map((client) =>
    `- **${client}**: ${names(CALLS.filter((call) => call.client === client))}`
  ).join("\n");
}

function told(guarantee: Guarantee): string {
  const { name, promise } = guarantee;
  return `### ${name[0]!.toUpperCase()}${name.slice(1)}\n\n${promise}`;
}

function names(calls: readonly Call[]): string {
  return calls.map(({ name }) => `\`${name}\``).join(", ");
}

/** As GitHub makes it of a heading. */
function anchor(heading: string): string {
  return heading.toLowerCase().replace(/[^\w\- ]/g, "").replaceAll(" ", "-");
}
