/** A config drafted from what was found in a cluster, as the text of a file that says why; pure. */
import type { Discovery, Found } from "../targets/kubernetes/discover.ts";
import { asComment, commentedYaml } from "./commented_yaml.ts";

export interface Drafted {
  readonly name: string;
  /** As it stands in the file. */
  readonly model: Readonly<Record<string, unknown>>;
  readonly notes: readonly string[];
}

export interface LeftOut {
  /** E.g. `deployment ai/vllm`. */
  readonly workload: string;
  readonly reason: string;
  /** What would stand in the file. */
  readonly draft: Drafted;
}

export interface Draft {
  readonly models: readonly Drafted[];
  readonly leftOut: readonly LeftOut[];
  readonly notes: readonly string[];
}

/** Names, aliases and adapters are one space: who comes first has them. */
export function draftOf({ found, notes }: Discovery): Draft {
  const models: Drafted[] = [];
  const leftOut: LeftOut[] = [];
  const taken = new Map<string, string>();
  // What must be left out takes no name from what need not be.
  const sound = found.filter(({ obstacle }) => obstacle === undefined);
  for (const each of [...sound, ...found.filter((one) => !sound.includes(one))]) {
    const workload = workloadOf(each);
    const { name } = namesOf(each);
    const owner = taken.get(name);
    const reason = each.obstacle ??
      (owner && `${owner} serves '${name}' as well: give one of them another name`);
    const draft = drafted(each, reason === undefined ? taken : new Map());
    if (reason === undefined) models.push(draft);
    else leftOut.push({ workload, reason, draft });
  }
  return { models, leftOut, notes };
}

function workloadOf({ kind, namespace, name }: Found): string {
  return `${kind} ${namespace}/${name}`;
}

interface Names {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly upstreamModel: string | undefined;
  readonly notes: readonly string[];
}

/** What clients send, and what the engine wants where that is another. */
function namesOf({ name: workload, engine }: Found): Names {
  const [first, ...aliases] = engine.names.filter((name) => /^\S{1,256}$/.test(name));
  if (engine.engine === "ollama") {
    const note =
      "Ollama serves whatever was pulled: list those models under `adapters`, whose names are " +
      "forwarded as they are";
    return { name: workload, aliases: [], upstreamModel: undefined, notes: [note] };
  }
  if (first === undefined) {
    const note =
      "which model it serves could not be told, so it is named after its workload: write what " +
      "clients send, or its own name for it into `upstreamModel`";
    return {
      ...{ name: workload, aliases: [], upstreamModel: undefined },
      notes: engine.answersToAll ? [] : [note],
    };
  }
  // A path in its container is no name for clients.
  const isPath = /^[./]/.test(first);
  const name = isPath ? first.split("/").findLast((part) => part !== "") ?? workload : first;
  return {
    name,
    aliases: isPath ? [first, ...aliases] : aliases,
    upstreamModel: isPath && !engine.answersToAll ? first : undefined,
    notes: [],
  };
}

function drafted(found: Found, taken: Map<string, string>): Drafted {
  const { kind, namespace, name: workload, engine, service } = found;
  const { name, aliases, upstreamModel, notes } = namesOf(found);
  const owner = workloadOf(found);
  const clashes: string[] = [];
  const free = (names: readonly string[]) =>
    names.filter((each) => {
      const other = taken.get(each);
      if (other === undefined) taken.set(each, owner);
      else if (other !== owner) clashes.push(`'${each}' is left out: ${other} has it`);
      return other === undefined;
    });
  taken.set(name, owner);
  const own = free(aliases);
  const adapters = free(engine.adapters);
  const isDefault = service === undefined ||
    service.name === workload && service.port === undefined;
  const place = `${namespace}/${service?.name}`;
  return {
    name,
    model: {
      ...(own.length > 0 ? { aliases: own } : {}),
      ...(adapters.length > 0 ? { adapters } : {}),
      ...(upstreamModel === undefined ? {} : { upstreamModel }),
      [kind]: `${namespace}/${workload}`,
      ...(isDefault
        ? {}
        : { service: service.port === undefined ? place : `${place}:${service.port}` }),
      ...engineOf(engine),
    },
    notes: [
      `${engine.engine} in container ${engine.container.name}`,
      ...notes,
      ...found.notes,
      ...clashes,
    ],
  };
}

/** What is no default. */
function engineOf({ engine, hasMetrics }: Found["engine"]): Record<string, unknown> {
  if (!hasMetrics && engine !== "ollama") return { engine: { name: engine, metrics: false } };
  return engine === "vllm" ? {} : { engine };
}

/** As the file says it; `kubernetes`: what had to be said to find the cluster. */
export function configOf(
  { models }: Draft,
  kubernetes: Readonly<Record<string, string>>,
): Record<string, unknown> {
  return {
    ...(Object.keys(kubernetes).length > 0 ? { kubernetes } : {}),
    models: Object.fromEntries(models.map(({ name, model }) => [name, model])),
  };
}

/** `config` as text without a newline at the end. `heading`: what was looked at. */
export function draftText(
  { models, leftOut, notes }: Draft,
  config: Readonly<Record<string, unknown>>,
  heading: string,
): string {
  const comments = models.map(({ name, notes }) => [["models", name], notes.join("\n")] as const);
  const top = asComment([heading, ...notes.map((note) => `NOTE: ${note}`)].join("\n"));
  const rest = leftOut.map(({ workload, reason, draft }) =>
    `\n${asComment(`LEFT OUT: ${workload}: ${reason}`)}\n${asComment(indented(draft))}`
  );
  return `${top}\n\n${commentedYaml([{ value: config, comments }])}\n${rest.join("\n")}`.trimEnd();
}

/** To be taken into the file by taking the `#` off. */
function indented({ name, model }: Drafted): string {
  return commentedYaml([{ value: { [name]: model } }]).split("\n").map((line) => ` ${line}`).join(
    "\n",
  );
}
