import { expect } from "expect";
import { renderReport } from "./doctor_report.ts";

const FINDINGS = [
  { level: "ok", about: "cluster", text: "there" },
  { level: "warn", about: "a", text: "so so", remedy: "mend it" },
  { level: "error", about: "b", text: "broken" },
] as const;

Deno.test("renderReport() writes a line for each finding, with what to do", () => {
  expect(renderReport(FINDINGS, new Map(), false)).toBe(
    "ok    cluster: there\nwarn  a: so so -> mend it\nerror b: broken\n\n1 error, 1 warning",
  );
  expect(renderReport(FINDINGS.slice(0, 1), new Map(), false)).toMatch(/\nnothing is wrong$/);
  expect(renderReport(FINDINGS, new Map(), true)).toContain("\x1b[31;1merror\x1b[0m");
});

Deno.test("renderReport() ends with the rules that a Role lacks", () => {
  const rule = { apiGroups: [""], resources: ["pods", "events"], verbs: ["list", "watch"] };
  const scale = { apiGroups: ["apps"], resources: ["deployments/scale"], verbs: ["patch"] };
  expect(renderReport([], new Map([["ai", [rule, scale]]]), false)).toContain(
    [
      "# To grant what is missing, add to the gateway's Role in namespace ai:",
      "rules:",
      '  - apiGroups: [""]',
      "    resources: [pods, events]",
      "    verbs: [list, watch]",
      "  - apiGroups: [apps]",
      "    resources: [deployments/scale]",
      "    verbs: [patch]",
    ].join("\n"),
  );
});
