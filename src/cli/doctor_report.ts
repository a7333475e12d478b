/** What `doctor` found, for people: a line each, and the rights that are missing as YAML. */
import type { Finding } from "../targets/finding.ts";
import type { Rule } from "../targets/kubernetes/permissions.ts";

const COLOURS: Record<Finding["level"], string> = { ok: "32", warn: "33;1", error: "31;1" };

/** `rules` are what to add to the gateway's Role in each namespace. */
export function renderReport(
  findings: readonly Finding[],
  rules: ReadonlyMap<string, readonly Rule[]>,
  colour: boolean,
): string {
  const paint = (code: string, text: string) => colour ? `\x1b[${code}m${text}\x1b[0m` : text;
  const lines = findings.map(({ level, about, text, remedy }) =>
    `${paint(COLOURS[level], level.padEnd(5))} ${paint("1", about)}: ${text}` +
    (remedy === undefined ? "" : ` -> ${remedy}`)
  );
  const roles = [...rules].map(([namespace, list]) =>
    [
      "",
      `# To grant what is missing, add to the gateway's Role in namespace ${namespace}:`,
      "rules:",
      ...list.flatMap(({ apiGroups, resources, resourceNames, verbs }) => [
        `  - apiGroups: [${apiGroups.map((group) => group || '""').join(", ")}]`,
        `    resources: [${resources.join(", ")}]`,
        ...(resourceNames ? [`    resourceNames: [${resourceNames.join(", ")}]`] : []),
        `    verbs: [${verbs.join(", ")}]`,
      ]),
    ].join("\n")
  );
  const errors = findings.filter(({ level }) => level === "error").length;
  const warnings = findings.filter(({ level }) => level === "warn").length;
  const verdict = [count(errors, "error"), count(warnings, "warning")].filter(Boolean).join(", ");
  return [...lines, ...roles, "", verdict || "nothing is wrong"].join("\n");
}

function count(n: number, what: string): string {
  return n === 0 ? "" : `${n} ${what}${n === 1 ? "" : "s"}`;
}
