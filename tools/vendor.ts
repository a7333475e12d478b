/**
 * `deno task vendor`: brings the packages of the status page from npm into its folder, as files that a browser loads as
 * they are, with their licences and a list of what they are (vendor.json). `--check` says what differs, and writes
 * nothing.
 */

export const VENDOR = new URL("../src/operator/page/vendor/", import.meta.url);

/** Read by `vendor.json`: a file, where it is from, and its SHA-256. */
export interface Vendored {
  readonly file: string;
  readonly from: string;
  readonly sha256: string;
}

interface Package {
  readonly name: string;
  readonly version: string;
  /** By the name here: the file of the package, and what makes a module of it. */
  readonly files: Readonly<Record<string, readonly [path: string, change?: Change]>>;
}

type Change = (text: string) => string;

const withoutMap: Change = (text) => text.replace(/\n*\/\/# sourceMappingURL=.*\s*$/, "\n");

const PACKAGES: readonly Package[] = [
  {
    name: "preact",
    version: "11.2.0",
    files: { "preact.js": ["dist/preact.mjs", withoutMap], "preact.LICENSE": ["LICENSE"] },
  },
  {
    name: "htm",
    version: "3.1.1",
    files: { "htm.js": ["dist/htm.module.js", withoutMap], "htm.LICENSE": ["LICENSE"] },
  },
  {
    name: "uplot",
    version: "1.6.32",
    files: {
      // Minified there is only the script that makes a global of it.
      "uplot.js": [
        "dist/uPlot.iife.min.js",
        (text) => `${text.trimEnd()}\nexport default uPlot;\n`,
      ],
      "uplot.css": ["dist/uPlot.min.css"],
      "uplot.LICENSE": ["LICENSE"],
    },
  },
];

/** Every file by its name, `vendor.json` too, as npm has them now. Throws where there is no npm, or no network. */
export async function vendored(): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  const list: Vendored[] = [];
  for (const { name, version, files: wanted } of PACKAGES) {
    const dir = await Deno.makeTempDir({ prefix: "vendor-" });
    try {
      await run("npm", ["pack", "--silent", "--pack-destination", dir, `${name}@${version}`]);
      const [archive] = Array.from(Deno.readDirSync(dir), (entry) => entry.name);
      await run("tar", ["-xzf", `${dir}/${archive}`, "-C", dir]);
      for (const [file, [path, change = (text: string) => text]] of Object.entries(wanted)) {
        const text = change(await Deno.readTextFile(`${dir}/package/${path}`));
        files.set(file, text);
        list.push({ file, from: `${name}@${version}/${path}`, sha256: await sha256(text) });
      }
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  }
  return files.set("vendor.json", JSON.stringify(list, null, 2) + "\n");
}

export async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(digest).toHex();
}

async function run(program: string, args: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, { args: [...args] }).output();
  if (!success) throw new Error(`${program} failed: ${new TextDecoder().decode(stderr).trim()}`);
}

if (import.meta.main) {
  const isCheck = Deno.args.includes("--check");
  await Deno.mkdir(VENDOR, { recursive: true });
  let differing = 0;
  for (const [file, text] of await vendored()) {
    const is = await Deno.readTextFile(new URL(file, VENDOR)).catch(() => undefined);
    if (is === text) continue;
    differing++;
    console.log(isCheck ? `differs: ${file}` : `written: ${file}`);
    if (!isCheck) await Deno.writeTextFile(new URL(file, VENDOR), text);
  }
  console.log(differing === 0 ? "All as npm has it." : `${differing} files`);
  if (isCheck && differing > 0) Deno.exit(1);
}
