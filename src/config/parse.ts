/**
 * The config file's text to a {@link Config}, or to everything that is wrong with it at once: YAML,
 * environment, schema, checks. Later stages leave out what an earlier one refused, and go on.
 */
import { type Check, runChecks } from "./check.ts";
import {
  fittingKeys,
  longIdleTimeouts,
  oneScaleTarget,
  ownWorkloads,
  reachableProcesses,
  someModel,
  uniqueNames,
  upstreamKeys,
} from "./model_checks.ts";
import { type Fault, type Problem, toProblems } from "./problem.ts";
import { resolveConfig } from "./resolve.ts";
import { configSchema } from "./schema.ts";
import { schemaFaults } from "./schema_faults.ts";
import {
  addresses,
  keysForModels,
  roomForOneBody,
  routesToModels,
  uniqueRoutes,
  usableKeys,
} from "./server_checks.ts";
import type { Config } from "./spec.ts";
import type { Env } from "./substitute.ts";
import { treeValue } from "./tree_value.ts";
import { readTree } from "./yaml_tree.ts";

const CHECKS: readonly Check[] = [
  someModel,
  uniqueNames,
  oneScaleTarget,
  fittingKeys,
  reachableProcesses,
  upstreamKeys,
  ownWorkloads,
  longIdleTimeouts,
  routesToModels,
  uniqueRoutes,
  usableKeys,
  keysForModels,
  roomForOneBody,
  addresses,
];

export interface ParseOptions {
  /** The file's name, for messages. */
  readonly file: string;
  readonly env: Env;
  /** Absolute: the folder that paths in the file are relative to. */
  readonly dir: string;
}

export type ParseResult =
  | { readonly config: Config; readonly warnings: readonly Problem[] }
  | { readonly problems: readonly Problem[]; readonly warnings: readonly Problem[] };

export function parseConfig(text: string, { file, env, dir }: ParseOptions): ParseResult {
  const faults: Fault[] = [];
  const warnings: Fault[] = [];
  const result = (config?: Config): ParseResult => {
    const told = toProblems(file, text, warnings);
    if (config && faults.length === 0) return { config, warnings: told };
    return { problems: toProblems(file, text, faults), warnings: told };
  };

  const { tree, faults: yamlFaults } = readTree(text);
  faults.push(...yamlFaults);
  if (!tree) return result();

  const { value, faults: unset, unread } = treeValue(tree, configSchema, text, env);
  faults.push(...unset);

  const parsed = configSchema.safeParse(value);
  const { faults: refused, paths } = schemaFaults(
    parsed.error?.issues ?? [],
    configSchema,
    tree,
    unread,
  );
  faults.push(...refused);

  const checked = runChecks(CHECKS, value, [...paths, ...unread], tree, text, env);
  faults.push(...checked.faults);
  warnings.push(...checked.warnings);
  return result(parsed.success ? resolveConfig(parsed.data, dir) : undefined);
}
