/**
 * The style of the tree as a check: what can be seen from a file's name and text, and what the lint
 * plugin sees in its syntax. Each fault reads `path:line: what is wrong; what to do`.
 */
import plugin from "../../tools/lint_plugin.ts";

/** One file, its path relative to the repository, with `/`. */
export interface Source {
  readonly path: string;
  readonly text: string;
}

const FILE_LINES_MAX = 300;

/** Names that say where a thing was put and not what it is. */
const NAMELESS = /^(utils?|helpers?|common|misc|types|mod|index)(_test)?\.ts$/;

/** What no reader elsewhere can follow. */
const PRIVATE_WORDS: readonly (readonly [RegExp, string])[] = [
  [/\/work\/|\/root\/\.npm/, "this path exists on one machine only"],
  [/\bshared\//, "readers do not have that page; state the fact here"],
  [/\bregistry\.npm|\bartifactory\b|\bverdaccio\b/i, "where npm finds packages is npm's business"],
  [/\bjsr:|\/\/deno\.land\b/, "packages come from npm, by the import map"],
];

/** Ours, that of the status page too; what it has from npm lies in a folder below. */
const CODE = /\.ts$|^src\/operator\/page\/[^/]+\.js$/;

const DENO_VERSION = /\b(?:deno|glibc)@(\d+\.\d+\.\d+)/g;

/** Every fault of the tree; `sources` are all of its files. */
export function tidyFaults(sources: readonly Source[]): string[] {
  const paths = new Set(sources.map(({ path }) => path));
  const faults = sources.flatMap((source) => [
    ...wordFaults(source),
    ...(CODE.test(source.path) ? codeFaults(source, paths) : []),
  ]);
  return [...faults, ...versionFaults(sources)];
}

/** The commands in the docs, the workflow and the image name one version of Deno. */
function versionFaults(sources: readonly Source[]): string[] {
  const named = sources.flatMap(({ path, text }) =>
    text.split("\n").flatMap((line, at) =>
      Array.from(
        line.matchAll(DENO_VERSION),
        ([, version]) => ({ place: `${path}:${at + 1}`, version }),
      )
    )
  );
  const [first, ...others] = named;
  return others
    .filter(({ version }) => version !== first?.version)
    .map(({ place, version }) =>
      `${place}: Deno ${version}, but ${first?.version} at ${first?.place}`
    );
}

function wordFaults({ path, text }: Source): string[] {
  // CI looks for a control plane beside the checkout; nothing else may.
  if (path === ".ci/run") return [];
  return text.split("\n").flatMap((line, at) =>
    PRIVATE_WORDS
      .filter(([word]) => word.test(line))
      .map(([word, why]) => `${path}:${at + 1}: ${JSON.stringify(word.exec(line)?.[0])}: ${why}`)
  );
}

function codeFaults(source: Source, paths: ReadonlySet<string>): string[] {
  return [...nameFaults(source, paths), ...textFaults(source), ...houseFaults(source)];
}

function nameFaults({ path }: Source, paths: ReadonlySet<string>): string[] {
  const faults: string[] = [];
  const name = path.slice(path.lastIndexOf("/") + 1);
  if (NAMELESS.test(name)) faults.push(`${path}:1: name the file after its idea`);
  const tested = path.replace(/_test\.ts$/, ".ts");
  const isThere = paths.has(tested) || paths.has(tested.replace(/ts$/, "js"));
  if (/^(src|tools)\//.test(path) && !isThere) {
    faults.push(`${path}:1: ${tested} is missing; a test stands beside the file it tests`);
  }
  return faults;
}

function textFaults({ path, text }: Source): string[] {
  const faults: string[] = [];
  const lines = text.trimEnd().split("\n");
  if (lines.length > FILE_LINES_MAX) {
    faults.push(`${path}:${lines.length}: at most ${FILE_LINES_MAX} lines; a file is one idea`);
  }
  const tested = path.endsWith("_test.ts");
  if (!tested && !/^(#!.*\n)?\/[/*]/.test(text)) {
    faults.push(`${path}:1: begin with a comment that says what this file is`);
  }
  lines.forEach((line, at) => {
    if (/^(export|\}) .*\bfrom "/.test(line) && isReExport(lines, at)) {
      faults.push(`${path}:${at + 1}: import a thing from where it is declared, without a barrel`);
    }
  });
  return faults;
}

/** True if the `from` in line `at` ends an `export`; a list of names may begin lines before. */
function isReExport(lines: readonly string[], at: number): boolean {
  const start = lines.slice(0, at + 1).findLast((line) => /^(export|import)\b/.test(line));
  return start?.startsWith("export") ?? false;
}

/** What `deno lint` finds by our own rules, here also where a comment tells it to look away. */
function houseFaults({ path, text }: Source): string[] {
  return Deno.lint.runPlugin(plugin, path, text).map(({ range, message, hint }) => {
    const line = text.slice(0, range[0]).split("\n").length;
    return `${path}:${line}: ${message}${hint ? `; ${hint}` : ""}`;
  });
}
