/** The workflows of `.github`: by actionlint, and what it does not look at: pins and rights. */
import { expect } from "expect";
import { parse } from "yaml";

const ROOT = new URL("../", import.meta.url).pathname;
const FOLDER = `${ROOT}.github/workflows`;
const ACTIONLINT = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12";

interface Workflow {
  readonly name: string;
  readonly permissions: unknown;
  readonly jobs: Record<string, { readonly "timeout-minutes"?: number; readonly steps: Step[] }>;
}

interface Step {
  readonly uses?: string;
  readonly with?: Record<string, unknown>;
}

async function workflows(): Promise<{ path: string; text: string; workflow: Workflow }[]> {
  const names = (await Array.fromAsync(Deno.readDir(FOLDER))).map(({ name }) => name).sort();
  return await Promise.all(names.map(async (name) => {
    const text = await Deno.readTextFile(`${FOLDER}/${name}`);
    return { path: `.github/workflows/${name}`, text, workflow: parse(text) };
  }));
}

Deno.test("actions are pinned by digest with their version beside it, and given no credentials", async () => {
  const all = await workflows();
  expect(all.map(({ workflow }) => workflow.name)).toEqual(["image", "release", "test"]);
  for (const { path, text, workflow } of all) {
    const uses = text.split("\n").filter((line) => /^\s*(- )?uses:/.test(line));
    for (const line of uses) {
      expect([path, line]).toEqual([
        path,
        expect.stringMatching(/uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/),
      ]);
    }
    for (const { steps, "timeout-minutes": minutes } of Object.values(workflow.jobs)) {
      expect([path, minutes]).toEqual([path, expect.any(Number)]);
      for (const step of steps.filter(({ uses }) => uses?.startsWith("actions/checkout@"))) {
        expect([path, step.with?.["persist-credentials"]]).toEqual([path, false]);
      }
    }
    // Whatever a job needs beyond this it says itself.
    expect([path, workflow.permissions]).toEqual([path, { contents: "read" }]);
    // What anybody may write (a branch's name, a title) is no part of a script.
    expect(text).not.toMatch(/github\.event\.(issue|pull_request|comment|head_commit)/);
  }
});

/** actionlint's path; or why there is none. */
async function buildActionlint(dir: string): Promise<{ path: string } | { reason: string }> {
  try {
    const { success, stderr } = await new Deno.Command("go", {
      ...{ args: ["install", ACTIONLINT], env: { GOBIN: dir, GOFLAGS: "" }, stdin: "null" },
    }).output();
    if (success) return { path: `${dir}/actionlint` };
    return { reason: new TextDecoder().decode(stderr).trim().split("\n").at(-1)! };
  } catch {
    return { reason: "there is no Go here" };
  }
}

Deno.test("actionlint finds nothing", async () => {
  const dir = await Deno.makeTempDir({ prefix: "actionlint-" });
  try {
    const built = await buildActionlint(dir);
    if ("reason" in built) return console.warn(`skipped: actionlint: ${built.reason}`);
    const { stdout } = await new Deno.Command(built.path, {
      args: ["-no-color", ...(await workflows()).map(({ path }) => path)],
      cwd: ROOT,
    }).output();
    expect(new TextDecoder().decode(stdout)).toBe("");
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
