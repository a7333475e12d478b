/**
 * The tree to the plain value that the schema checks: environment references replaced, and scalars
 * without quotes taken as what the schema wants there.
 */
import type * as z from "zod";
import type { Fault } from "./problem.ts";
import { type Alternatives, alternatives, below, takes } from "./schema_walk.ts";
import { type Env, substitute } from "./substitute.ts";
import type { MapTree, Path, ScalarTree, Tree } from "./yaml_tree.ts";

export interface ReadValue {
  readonly value: unknown;
  readonly faults: readonly Fault[];
  /** Where an alias or a reference leads nowhere: what the schema says there would only confuse. */
  readonly unread: readonly Path[];
}

/** `text` is the file's, to point at a reference within a value. */
export function treeValue(tree: Tree, schema: z.ZodType, text: string, env: Env): ReadValue {
  const faults: Fault[] = [];
  const unread: Path[] = [];

  function read(at: Tree, wanted: Alternatives, path: Path): unknown {
    if (at.kind === "scalar") return scalar(at, wanted, path);
    if (at.kind === "list") {
      return at.items.map((item, i) => read(item, below(wanted, i), [...path, i]));
    }
    return Object.fromEntries(
      [...at.entries].map(([key, { value }]) => [
        key,
        read(value, below(wanted, key), [...path, key]),
      ]),
    );
  }

  function scalar(at: ScalarTree, wanted: Alternatives, path: Path): unknown {
    if (at.value === undefined) unread.push(path);
    if (typeof at.value !== "string" || !at.value.includes("${")) return asWanted(at, wanted);
    const result = substitute(at.value, env, isOfProcess(tree, path));
    for (const { written, message } of result.faults) {
      const offset = Math.max(0, text.slice(at.place.start, at.place.end).indexOf(written));
      const start = at.place.start + offset;
      faults.push({ place: { start, end: start + written.length }, message });
    }
    if (result.faults.length > 0) unread.push(path);
    return fromText(result.text, wanted);
  }

  return { value: read(tree, alternatives(schema), []), faults, unread };
}

/** `1.0` or `true` without quotes is text where only text can stand, exactly as it was written. */
function asWanted({ value, text }: ScalarTree, wanted: Alternatives): unknown {
  const kind = typeof value;
  if (kind !== "number" && kind !== "boolean") return value;
  return !takes(wanted, kind) && takes(wanted, "string") ? text : value;
}

/** What comes from the environment is text, unless the schema wants something else. */
function fromText(text: string, wanted: Alternatives): unknown {
  if (takes(wanted, "number") && /^-?\d+(\.\d+)?$/.test(text)) return Number(text);
  if (takes(wanted, "boolean") && /^(true|false)$/.test(text)) return text === "true";
  return text;
}

/** In a process model's `command`, `env` and `upstream`, `${PORT}` is that process's. */
function isOfProcess(tree: Tree, path: Path): boolean {
  const [models, name, key, part] = path;
  if (models !== "models") return false;
  if (key === "process") return part === "command" || part === "env";
  const all = (tree as MapTree).entries.get("models")?.value;
  const model = all?.kind === "map" ? all.entries.get(String(name))?.value : undefined;
  return key === "upstream" && model?.kind === "map" && model.entries.has("process");
}
