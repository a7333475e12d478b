/** What the schema found wrong, in the words of somebody who edits the file. */
import type * as z from "zod";
import { nearest } from "../lib/nearest.ts";
import type { Fault } from "./problem.ts";
import { type Alternatives, alternatives, below, keysAt, wordsAt } from "./schema_walk.ts";
import { keyPlace, type Path, type Tree, treeAt, valuePlace } from "./yaml_tree.ts";

type Issue = z.core.$ZodIssue;

export interface SchemaFaults {
  readonly faults: readonly Fault[];
  /** The places at fault. */
  readonly paths: readonly Path[];
}

/** `skip`: places whose faults were told already. */
export function schemaFaults(
  issues: readonly Issue[],
  schema: z.ZodType,
  tree: Tree,
  skip: readonly Path[],
): SchemaFaults {
  const faults: Fault[] = [];
  const paths: Path[] = [];

  function tell(issue: Issue, base: Path): void {
    const path = [...base, ...issue.path] as Path;
    if (skip.some((told) => startsWith(path, told))) return;
    const at = path.reduce<Alternatives>(below, alternatives(schema));
    if (issue.code === "invalid_union") {
      const meant = branchMeant(issue);
      if (meant) return meant.forEach((inner) => tell(inner, path));
    }
    if (issue.code === "unrecognized_keys") return unknownKeys(issue.keys, path, at);
    if (issue.code === "invalid_key") {
      const message = issue.issues[0]?.message ?? issue.message;
      paths.push(path);
      return void faults.push({ place: keyPlace(tree, path), message });
    }
    paths.push(path);
    const value = treeAt(tree, path);
    const word = value?.kind === "scalar" ? nearest(value.text, wordsAt(at)) : undefined;
    faults.push({
      place: value ? valuePlace(tree, path) : keyPlace(tree, path),
      message: value ? explain(issue, value) : `'${path.at(-1)}' is missing here`,
      ...(word === undefined ? {} : { nearest: word }),
    });
  }

  function unknownKeys(keys: readonly string[], path: Path, at: Alternatives): void {
    for (const key of keys) {
      const meant = nearest(key, keysAt(at));
      const sections = meant === undefined ? sectionsWith(key, schema) : [];
      const hint = sections.length > 0 ? `: it belongs below ${sections.join(" or ")}` : "";
      faults.push({
        place: keyPlace(tree, [...path, key]),
        message: `unknown key '${key}'${hint}`,
        ...(meant === undefined ? {} : { nearest: meant }),
      });
    }
  }

  for (const issue of issues) tell(issue, []);
  return { faults, paths };
}

/** The sections of the file that know `key`. */
function sectionsWith(key: string, schema: z.ZodType): string[] {
  const root = alternatives(schema);
  return keysAt(root).flatMap((section) => {
    const at = below(root, section);
    if (keysAt(at).includes(key)) return [`'${section}'`];
    const children = keysAt(below(at, 0));
    return children.includes(key) ? [`an entry of '${section}'`] : [];
  });
}

function startsWith(path: Path, start: Path): boolean {
  return start.every((step, i) => step === path[i]);
}

/** The one alternative whose kind of value was written, so that what is wrong within it is told. */
function branchMeant(issue: z.core.$ZodIssueInvalidUnion): Issue[] | undefined {
  const ofKind = issue.errors.filter((branch) =>
    !branch.some(({ path, code }) =>
      path.length === 0 && (code === "invalid_type" || code === "invalid_value")
    )
  );
  return ofKind.length === 1 ? ofKind[0] as Issue[] : undefined;
}

function explain(issue: Issue, value: Tree): string {
  switch (issue.code) {
    case "invalid_type":
      if (value.kind === "scalar" && value.value === null) {
        return "no value here: write one, or remove the key";
      }
      return `must be ${KINDS[issue.expected] ?? issue.expected}, not ${kindOf(value)}`;
    case "invalid_value":
      return issue.message.startsWith("Invalid")
        ? `must be one of ${issue.values.join(", ")}`
        : issue.message;
    case "too_small":
      return issue.origin === "array"
        ? "must not be an empty list"
        : `must be at least ${issue.minimum}`;
    case "too_big":
      return `must be at most ${issue.maximum}`;
    default:
      return issue.message;
  }
}

const KINDS: Record<string, string> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  object: "a mapping",
  record: "a mapping",
  array: "a list",
};

function kindOf(tree: Tree): string {
  if (tree.kind !== "scalar") return tree.kind === "map" ? "a mapping" : "a list";
  if (typeof tree.value === "boolean") return `'${tree.value}'`;
  return typeof tree.value === "number" ? `the number ${tree.text}` : "text";
}
