/** `doctor` as a process, for tests on a cluster: what it prints to people or tells programs of a config file. */
import type { Finding } from "../targets/finding.ts";
import type { Rule } from "./service_account.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

export interface DoctorReport {
  readonly code: number;
  readonly text: string;
  readonly findings: readonly Finding[];
  /** What is to be granted, by namespace. */
  readonly rules: Readonly<Record<string, readonly Rule[]>>;
}

export async function runDoctor(config: string, flags = ["--json"]): Promise<DoctorReport> {
  const args = ["run", "--allow-all", "--no-check", `${ROOT}main.ts`, "doctor", "--config", config];
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: [...args, ...flags],
    stderr: "inherit",
  }).output();
  const text = new TextDecoder().decode(stdout);
  const report = text.startsWith("{") ? JSON.parse(text) : { findings: [], rules: {} };
  return { code, text, ...report };
}
