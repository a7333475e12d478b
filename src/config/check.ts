/** What a check is given: the file as far as it is valid, and a way to say what is wrong where. */
import type * as z from "zod";
import type { Fault } from "./problem.ts";
import type { configSchema } from "./schema.ts";
import type { Env } from "./substitute.ts";
import { keyPlace, type Path, type Tree, treeAt, valuePlace } from "./yaml_tree.ts";

/** Every part may be missing: the schema's faults do not keep the other checks from being made. */
export type Loose<T> = T extends readonly (infer U)[] ? (Loose<U> | undefined)[]
  : T extends object ? { [K in keyof T]?: Loose<T[K]> | undefined }
  : T;

export type LooseFile = Loose<z.input<typeof configSchema>>;
export type LooseModel = NonNullable<NonNullable<LooseFile["models"]>[string]>;

export interface CheckContext {
  readonly file: LooseFile;
  readonly env: Env;
  /** True if something stands at `path`, valid or not. */
  has(path: Path): boolean;
  /** The line of the key at `path`, from 1. */
  line(path: Path): number;
  fault(where: "key" | "value", path: Path, message: string, nearest?: string): void;
  warn(where: "key" | "value", path: Path, message: string): void;
}

export interface CheckResult {
  readonly faults: readonly Fault[];
  readonly warnings: readonly Fault[];
}

export type Check = (context: CheckContext) => void;

/** Makes `checks` of `value`, what stands at `invalid` left out. */
export function runChecks(
  checks: readonly Check[],
  value: unknown,
  invalid: readonly Path[],
  tree: Tree,
  text: string,
  env: Env,
): CheckResult {
  if (invalid.some((path) => path.length === 0)) return { faults: [], warnings: [] };
  const faults: Fault[] = [];
  const warnings: Fault[] = [];
  const file = structuredClone(value);
  for (const path of invalid) leaveOut(file, path);
  const place = (where: "key" | "value", path: Path) =>
    where === "key" ? keyPlace(tree, path) : valuePlace(tree, path);
  const context: CheckContext = {
    file: file as LooseFile,
    env,
    has: (path) => treeAt(tree, path) !== undefined,
    line: (path) => text.slice(0, keyPlace(tree, path).start).split("\n").length,
    fault: (where, path, message, nearest) =>
      void faults.push({
        place: place(where, path),
        message,
        ...(nearest === undefined ? {} : { nearest }),
      }),
    warn: (where, path, message) => void warnings.push({ place: place(where, path), message }),
  };
  for (const check of checks) check(context);
  return { faults, warnings };
}

function leaveOut(value: unknown, path: Path): void {
  let at = value as Record<string | number, unknown> | undefined;
  for (const step of path.slice(0, -1)) at = at?.[step] as typeof at;
  const last = path.at(-1)!;
  // Only what is there: a missing key must not come to be.
  if (at && typeof at === "object" && last in at) at[last] = undefined;
}
