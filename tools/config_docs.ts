/**
 * `deno task docs`: writes `docs/CONFIG.md`, the config file's reference, from the schema that the program validates
 * with. A test holds the page equal to it.
 */
import { jsonSchemaText } from "../src/config/json_schema.ts";
import { DURATION_PATTERN } from "../src/lib/duration.ts";
import { SIZE_PATTERN } from "../src/lib/size.ts";
import { ADDRESS_PATTERN } from "../src/config/address.ts";

export const PAGE = new URL("../docs/CONFIG.md", import.meta.url);

interface Schema {
  readonly description?: string;
  readonly default?: unknown;
  readonly type?: string | readonly string[];
  readonly pattern?: string;
  readonly enum?: readonly string[];
  readonly const?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly required?: readonly string[];
}

const INTRO = `# The config file

One YAML file. [config.example.yaml](../config.example.yaml) shows all of it at work, and
[config.schema.json](../config.schema.json) lets an editor complete it. This page is written from the
same schema (\`deno task docs\`).

- **Durations** are \`500ms\`, \`90s\`, \`5m\`, \`1h30m\`; **sizes** are \`512KiB\`, \`64MiB\`, \`1GB\`. A bare
  number is an error that names the units.
- **\`\${NAME}\`** and **\`\${NAME:-default}\`** are read from the environment, in values only; \`$\${\` is a plain
  \`\${\`. In a process model's \`command\`, \`env\` and \`upstream\`, \`\${PORT}\` is that process's port.
- Paths are relative to the folder of the file.
- Whatever is wrong is said at once, with its line, its column and the nearest valid key:
  \`vllm-autoscaler validate config.yaml\`.
- The file may be changed while the gateway runs (a ConfigMap too): what is in flight or waits is not
  touched. \`server.listen\` and \`server.operator\` want a restart.
`;

/** The page, as it is before it is formatted. */
function page(): string {
  const root: Schema = JSON.parse(jsonSchemaText());
  const { server, kubernetes, defaults, models, routes } = root.properties!;
  const model = models!.additionalProperties as Schema;
  const shared = Object.keys(defaults!.properties!);
  const own = Object.fromEntries(
    Object.entries(model.properties!).filter(([key]) => !shared.includes(key)),
  );
  const engine = defaults!.properties!.engine!.anyOf!.find(({ properties }) => properties)!;
  const metrics = engine.properties!.metrics!.anyOf!.find(({ properties }) => properties)!;
  return [
    INTRO,
    section("server", server!),
    section("server.keys[]", server!.properties!.keys!.items!, "One client key each."),
    section("kubernetes", kubernetes!),
    section("models.NAME", { ...model, properties: own }, MODELS),
    ...["workload", "process"].map((key) => section(`models.NAME.${key}`, own[key]!)),
    section("defaults", defaults!, "Each of these may stand in a model as well, for that model."),
    section("engine", engine, "As a mapping, for an engine of your own."),
    section("engine.metrics", metrics),
    section("routes[]", routes!.items!, routes!.description),
  ].join("\n");
}

const MODELS =
  "The name is what clients send as `model`. Exactly one of `deployment`, `statefulSet`, " +
  "`workload`, `process` and `external` says what is scaled.";

function section(name: string, schema: Schema, about = schema.description): string {
  const rows = Object.entries(schema.properties!).map(([key, each]) =>
    `| \`${key}\` | ${kindOf(each)} | ${defaultOf(each, schema.required?.includes(key))} | ${
      (each.description ?? "").replaceAll("|", "\\|")
    } |`
  );
  return [
    ...[`## \`${name}\``, "", about ?? "", ""],
    ...["| key | what | default | meaning |", "| --- | --- | --- | --- |", ...rows, ""],
  ].join("\n");
}

function defaultOf(schema: Schema, isRequired = false): string {
  if (isRequired && schema.default === undefined) return "(must be given)";
  return schema.default === undefined || schema.default === ""
    ? ""
    : `\`${JSON.stringify(schema.default).replaceAll('"', "")}\``;
}

function kindOf(schema: Schema): string {
  const { type, pattern = "", anyOf, items, enum: words } = schema;
  if (schema.const !== undefined) return `\`${schema.const}\``;
  if (words) return words.map((word) => `\`${word}\``).join(" ");
  if (type === "object") return "mapping";
  if (type === "array") return items ? `list: ${kindOf(items)}` : "list";
  // What may only stand there because of `${NAME}` is said once, above.
  const isText = (each: Schema) => each.type === "string" && each.pattern === REFERENCE;
  const kinds = anyOf?.filter((each) => !isText(each)).map(kindOf);
  if (kinds) return [...new Set(kinds)].join(", or ");
  const types = [type ?? []].flat();
  if (types.includes("boolean")) return "`true` or `false`";
  if (types.includes("integer")) return `${schema.minimum} to ${schema.maximum}`;
  const [text] = pattern.split(`|${REFERENCE}`);
  if (text === DURATION_PATTERN.source) return "duration";
  if (text === `^never$|${DURATION_PATTERN.source}`) return "duration, or `never`";
  if (text === SIZE_PATTERN.source) return "size";
  return text === ADDRESS_PATTERN.source ? "`host:port`" : "text";
}

const REFERENCE = "\\$\\{";

/** The page as `deno fmt` leaves it. */
export async function configDocs(): Promise<string> {
  const formatter = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--ext", "md", "--line-width", "100", "-"],
    ...{ stdin: "piped", stdout: "piped", stderr: "inherit" },
  }).spawn();
  const writer = formatter.stdin.getWriter();
  await writer.write(new TextEncoder().encode(page()));
  await writer.close();
  return new TextDecoder().decode((await formatter.output()).stdout);
}

if (import.meta.main) await Deno.writeTextFile(PAGE, await configDocs());
