/** What the docs say to type or to write works: each YAML block that is a config, and each command of ours. */
import { expect } from "expect";
import { parseAllDocuments } from "yaml";
import { parseConfig } from "../src/config/parse.ts";
import { programCommand } from "../src/testing/program.ts";

const ROOT = new URL("../", import.meta.url);
const PAGES = [
  "README.md",
  "CONTRIBUTING.md",
  ...[...Deno.readDirSync(new URL("docs", ROOT))].map(({ name }) => `docs/${name}`)
    .filter((name) => name.endsWith(".md")).sort(),
  "deploy/examples/README.md",
  "deploy/helm/vllm-autoscaler/README.md",
];

interface Block {
  readonly page: string;
  readonly line: number;
  readonly kind: string;
  readonly text: string;
}

function blocksOf(page: string): Block[] {
  const text = Deno.readTextFileSync(new URL(page, ROOT));
  return [...text.matchAll(/^```(\w*)\n([^]*?)^```$/gm)].map(({ 1: kind, 2: block, index }) => ({
    ...{ page, kind: kind!, text: block! },
    line: text.slice(0, index).split("\n").length,
  }));
}

const BLOCKS = PAGES.flatMap(blocksOf);

Deno.test("each YAML block of the docs is a config that is valid, or an object of Kubernetes", () => {
  const yaml = BLOCKS.filter(({ kind }) => kind === "yaml");
  expect(yaml.length).toBeGreaterThan(3);
  for (const { page, line, text } of yaml) {
    const documents = parseAllDocuments(text).map((document) => document.toJS());
    const isObject = documents.every((each) => "apiVersion" in each && "kind" in each);
    if (isObject) continue;
    const parsed = parseConfig(text, { file: page, env: {}, dir: "/" });
    const problems = "problems" in parsed ? parsed.problems : [];
    expect({ at: `${page}:${line}`, problems }).toEqual({ at: `${page}:${line}`, problems: [] });
  }
});

/** Of ours, wherever it stands in a line: the words after the program, which is no release of Helm's. */
const COMMAND = /(?<!\bhelm \w+ )\bvllm-autoscaler ([a-z]+)((?: (?:--?[\w-]+|[^\s`|;&#]+))*)/g;

Deno.test("each command of ours in the docs is one, and so are its flags", async () => {
  const help = new Map<string, string>();
  const helpOf = async (command: string) => {
    const known = help.get(command);
    if (known !== undefined) return known;
    const { stdout, stderr } = await programCommand([command, "--help"], {
      env: { NO_COLOR: "1" },
    }).output();
    const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    help.set(command, text);
    return text;
  };
  const lines = PAGES.flatMap((page) =>
    Deno.readTextFileSync(new URL(page, ROOT)).replaceAll("\\\n", " ").split("\n")
      .flatMap((text) => [...text.matchAll(COMMAND)].map((found) => ({ page, found })))
  );
  expect(lines.length).toBeGreaterThan(10);
  for (const { page, found: [text, command, rest] } of lines) {
    const about = await helpOf(command!);
    expect([page, text, about]).toEqual([
      ...[page, text, expect.stringContaining(`Usage: vllm-autoscaler ${command} `)],
    ]);
    for (const [flag] of rest!.matchAll(/--[a-z-]+/g)) {
      expect([page, text, about]).toEqual([page, text, expect.stringContaining(flag)]);
    }
  }
});

Deno.test("each link of the docs to a file of ours leads to one", () => {
  for (const page of PAGES) {
    const text = Deno.readTextFileSync(new URL(page, ROOT));
    for (const [, to] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^(https?:|#|mailto:)/.test(to!)) continue;
      const url = new URL(to!.replace(/#.*$/, ""), new URL(page, ROOT));
      expect([page, to, exists(url)]).toEqual([page, to, true]);
    }
  }
});

function exists(url: URL): boolean {
  try {
    Deno.statSync(url);
    return true;
  } catch {
    return false;
  }
}
