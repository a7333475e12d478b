/** The Dockerfile's promises that can be read: whom it runs as, what it may do, and what it is made from. */
import { expect } from "expect";
import { DROP_IN_SETTINGS } from "../src/config/drop_in.ts";
import { imageCommand } from "../tools/image_root.ts";

const ROOT = new URL("../", import.meta.url).pathname;

async function instructions(): Promise<string[]> {
  const text = await Deno.readTextFile(`${ROOT}Dockerfile`);
  return text.replace(/^\s*#.*\n/gm, "").replaceAll("\\\n", " ").split("\n").filter(Boolean);
}

Deno.test("bases are pinned by digest, the user is a number, labels are OCI's", async () => {
  const lines = await instructions();
  const from = lines.filter((line) => line.startsWith("FROM "));
  for (const line of from) expect(line).toMatch(/ \S+:\S+@sha256:[0-9a-f]{64}( AS \w+)?$/);
  const final = lines.slice(lines.indexOf(from.at(-1)!));
  expect(final).toContain("USER 65532:65532");
  expect(final.filter((line) => /^(RUN|ADD|SHELL)\b/.test(line))).toEqual([]);
  for (const name of ["title", "description", "licenses", "version", "revision", "source"]) {
    expect(final.join("\n")).toContain(`org.opencontainers.image.${name}=`);
  }
  for (const line of final.filter((line) => /^(CMD|ENTRYPOINT)\b/.test(line))) {
    expect(JSON.parse(line.replace(/^\w+ /, ""))).toEqual(expect.any(Array));
  }
});

Deno.test("the program may connect, read what is mounted, and no more", async () => {
  const { words, env } = await imageCommand();
  const allowed = words.filter((word) => /^(-A|--(allow|deny|ignore)-)/.test(word));
  expect(allowed.map((word) => word.replace(/^(--allow-env)=.*/, "$1"))).toEqual([
    "--allow-net",
    "--allow-sys=hostname",
    "--allow-env",
    "--ignore-env",
    "--allow-read=/app,/etc/vllm-autoscaler,/var/run/secrets/kubernetes.io/serviceaccount",
  ]);
  expect(env.DENO_USE_CGROUPS).toBe("1");
});

/** Speaks of the environment of other programs, in their pods. */
const OF_OTHERS = "recognise.ts";

/** By what its sources ask the environment for; those that matter to local processes only are left out. */
Deno.test("the program may see every variable that it asks for", async () => {
  const { words } = await imageCommand();
  const list = words.find((word) => word.startsWith("--allow-env="))!.split("=")[1]!.split(",");
  const isShown = (name: string) =>
    list.some((each) => each.endsWith("*") ? name.startsWith(each.slice(0, -1)) : each === name);
  const asked = new Set(Object.values(DROP_IN_SETTINGS).map(({ env }) => env));
  for await (const path of sources(`${ROOT}src/`)) {
    const text = await Deno.readTextFile(path);
    const pattern = /\benv(?:\.get)?(?:\.|\(")([A-Z][A-Z0-9_]+)\b/g;
    for (const [, name] of text.matchAll(pattern)) asked.add(name!);
  }
  expect(asked).toContain("KUBERNETES_SERVICE_HOST");
  expect(asked).toContain("VLLM_AUTOSCALER_URL");
  const ofProcesses = ["PATH", "TMPDIR"];
  expect([...asked].filter((name) => !isShown(name)).sort()).toEqual(ofProcesses);
});

async function* sources(dir: string): AsyncIterable<string> {
  for await (const { name, isDirectory } of Deno.readDir(dir)) {
    if (isDirectory && !["testing", "testdata"].includes(name)) yield* sources(`${dir}${name}/`);
    else if (/(?<!_test)\.ts$/.test(name) && name !== OF_OTHERS) yield dir + name;
  }
}
