/** `doctor` as a process, for tests on a cluster: what it prints to people or tells programs of a config file. */
import type { Finding } from "../targets/finding.ts";
import type { Rule } from "./service_account.ts";
import { programCommand } from "./program.ts";

export interface DoctorReport {
  readonly code: number;
  readonly text: string;
  readonly findings: readonly Finding[];
  /** What is to be granted, by namespace. */
  readonly rules: Readonly<Record<string, readonly Rule[]>>;
}

export async function runDoctor(config: string, flags = ["--json"]): Promise<DoctorReport> {
  const args = ["doctor", "--config", config, ...flags];
  const { code, stdout } = await programCommand(args, { stderr: "inherit" }).output();
  const text = new TextDecoder().decode(stdout);
  const report = text.startsWith("{") ? JSON.parse(text) : { findings: [], rules: {} };
  return { code, text, ...report };
}
