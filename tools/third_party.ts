/**
 * `deno task third-party > THIRD_PARTY.txt`: what is shipped besides our own code, with its licences: the packages that
 * the bundle holds, by its source map; those that the status page was vendored with; and Deno.
 */
import { resolve } from "node:path";

const ROOT = new URL("../", import.meta.url).pathname;
const VENDOR = `${ROOT}src/operator/page/vendor/`;

/** What a person has looked at. Another one is a decision, and not an accident of an update. */
const LICENSES = ["0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "Unlicense"];

interface Package {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  /** Its licence's words, or where its package says that they are. */
  readonly text: string;
}

const HEADER =
  `What vllm-autoscaler ships besides its own code, and under which licences. Written by
\`deno task third-party\`.

Deno, beside the program in the image and within each binary, is under the MIT licence, Copyright the Deno
authors; what it holds in its turn stands in its repository. The image's base names the licences of its
packages in /usr/share/doc.
`;

/** @throws if a package names no licence, or one that nobody has looked at */
export async function thirdParty(): Promise<string> {
  const dirs = await bundledPackages();
  const packages = [...await Promise.all(dirs.map(readPackage)), ...await vendored()];
  const sorted = packages.sort((a, b) => a.name < b.name ? -1 : 1);
  for (const { name, license } of sorted) {
    if (LICENSES.includes(license)) continue;
    throw new Error(`${name} is under '${license}': may it be shipped? Then add it to LICENSES`);
  }
  const list = sorted.map(({ name, version, license }) => `  ${name} ${version}: ${license}\n`);
  const texts = sorted.map(({ name, version, text }) =>
    `${"-".repeat(80)}\n${name} ${version}\n\n${text.replaceAll("\r\n", "\n").trim()}\n`
  );
  return [HEADER, list.join(""), ...texts].join("\n");
}

/** The folders of the packages that the bundle's sources are from. */
async function bundledPackages(): Promise<string[]> {
  const dir = await Deno.makeTempDir({ prefix: "third-party-" });
  try {
    const path = `${dir}/all.js`;
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["bundle", "--quiet", "--frozen", "--platform", "deno", "--sourcemap", "external"],
        ...["--output", path, "main.ts"],
      ],
      ...{ cwd: ROOT, stdin: "null" },
    }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    const { sources } = JSON.parse(await Deno.readTextFile(`${path}.map`)) as { sources: string[] };
    const dirs = sources.flatMap((source) => packageDir(resolve(dir, source)) ?? []);
    return [...new Set(dirs)];
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/** In Deno's cache: `npm/REGISTRY/NAME/VERSION`, where a name may have a scope. */
function packageDir(source: string): string | undefined {
  return /^.*\/npm\/[^/]+\/(@[^/]+\/)?[^/]+\/\d[^/]*/.exec(source)?.[0];
}

async function readPackage(dir: string): Promise<Package> {
  const { name, version, license } = JSON.parse(await Deno.readTextFile(`${dir}/package.json`));
  const files = (await Array.fromAsync(Deno.readDir(dir))).map((entry) => entry.name)
    .filter((each) => /^(licen[cs]e|notice|copying)/i.test(each)).sort();
  const texts = await Promise.all(files.map((each) => Deno.readTextFile(`${dir}/${each}`)));
  const none = `(The package has no file with it. It is under ${license}.)`;
  return { name, version, license: String(license), text: texts.join("\n\n") || none };
}

/** They are files of this repository, with their licences beside them. */
async function vendored(): Promise<Package[]> {
  const files: { file: string; from: string }[] = JSON.parse(
    await Deno.readTextFile(`${VENDOR}vendor.json`),
  );
  return await Promise.all(
    files.filter(({ file }) => file.endsWith(".LICENSE")).map(async ({ file, from }) => {
      const [, name, version] = /^(@?[^@]+)@([^/]+)\//.exec(from)!;
      const text = await Deno.readTextFile(VENDOR + file);
      const license = /Apache License/.test(text) ? "Apache-2.0" : "MIT";
      return { name: name!, version: version!, license, text };
    }),
  );
}

if (import.meta.main) await Deno.stdout.write(new TextEncoder().encode(await thirdParty()));
