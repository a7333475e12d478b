/** `doctor`: what would go wrong with a config in its place, before any request finds out. */
import type { Config, ModelSpec } from "../config/spec.ts";
import { systemClock as clock } from "../platform/clock.ts";
import { createFetch } from "../platform/fetch.ts";
import { systemFiles as files } from "../platform/files.ts";
import { checkSpawn } from "../platform/processes.ts";
import { systemRandom as random } from "../platform/random.ts";
import type { Finding } from "../targets/finding.ts";
import { examineCluster, type Examined } from "../targets/kubernetes/examine.ts";
import { findCluster } from "../targets/kubernetes/find_cluster.ts";
import { isWorkloadModel } from "../targets/kubernetes/kinds.ts";
import { rulesOf } from "../targets/kubernetes/permissions.ts";
import { renderReport } from "./doctor_report.ts";
import { findConfig } from "./serve_config.ts";
import type { Terminal } from "./terminal.ts";

export interface DoctorOptions {
  readonly config?: string;
  /** One object for programs: `{findings, missing, rules}`. */
  readonly json?: boolean;
  readonly terminal: Terminal;
}

/** Resolves with the exit code: 0 nothing is wrong, 1 something is, 2 wrong usage. */
export async function doctorCommand(options: DoctorOptions): Promise<number> {
  const { json = false, terminal } = options;
  const found = await findConfig(options.config ? { config: options.config } : {}, terminal);
  if (typeof found === "number") return found;
  const warnings = found.warnings.map(({ at, reason }): Finding => ({
    ...{ level: "warn", about: "config" },
    text: at ? `${at}: ${reason}` : reason,
  }));
  const { findings, missing } = await examine(found.config, terminal);
  const all = [...warnings, ...findings];
  const rules = rulesOf(missing);
  terminal.out(
    json
      ? JSON.stringify({ findings: all, missing, rules: Object.fromEntries(rules) }, null, 2)
      : renderReport(all, rules, terminal.outColour),
  );
  return all.some(({ level }) => level === "error") ? 1 : 0;
}

async function examine({ models, kubernetes }: Config, { env }: Terminal): Promise<Examined> {
  const local = models.flatMap(localFinding);
  const workloads = models.filter(isWorkloadModel);
  if (workloads.length === 0) return { findings: local, missing: [] };
  const options = { env: (name: string) => env[name], files, clock, random, createFetch };
  try {
    const access = await findCluster(kubernetes, options);
    const { findings, missing } = await examineCluster(workloads, { ...options, access });
    return { findings: [...findings, ...local], missing };
  } catch (error) {
    // It says what to do.
    const text = (error as Error).message;
    const finding: Finding = { level: "error", about: "cluster", text };
    return { findings: [finding, ...local], missing: [] };
  }
}

/** Of a model that is no workload of a cluster. */
function localFinding({ name: about, scale, upstream }: ModelSpec): Finding[] {
  if (scale.kind === "external") {
    const text = `it is never scaled; whether ${upstream} answers is not asked`;
    return [{ level: "ok", about, text }];
  }
  if (scale.kind !== "process") return [];
  const [program] = scale.command;
  try {
    checkSpawn(scale);
    return [{ level: "ok", about, text: `${program} is there; whether it serves is not tried` }];
  } catch (error) {
    const remedy = "install it, or correct `command` or `cwd`";
    return [{ level: "error", about, text: (error as Error).message, remedy }];
  }
}
