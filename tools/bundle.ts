/**
 * `deno task bundle [DIR]`: all that runs in the image, by default in dist/: `vllm-autoscaler.js`, and beside it what that
 * loads only when it must.
 *
 * `serve` needs nothing of Node's, which would make its start longer by a third; other commands have a file of their own.
 * Deno parses all that an `import("...")` names when the program starts, loaded or not, with what of Node's it imports:
 * for Kubernetes' own client that is 35 MiB of memory for nothing. So names are written such that Deno does not see them;
 * then their folder must be readable at run time.
 */

const ROOT = new URL("../", import.meta.url).pathname;
const PROGRAM = "vllm-autoscaler.js";
const MAIN = "main.ts";

interface LazyPart {
  readonly file: string;
  /** The module that is loaded, and the name that it is imported by. */
  readonly source: string;
  readonly specifier: string;
}

const LAZY: readonly LazyPart[] = [
  // By what is not plainly `serve`. Has all of the program in it once more.
  {
    file: "commands.js",
    source: "src/cli/command_line.ts",
    specifier: "./src/cli/command_line.ts",
  },
  // Where there is a kubeconfig.
  {
    file: "kubeconfig.js",
    source: "src/targets/kubernetes/kubeconfig_files.ts",
    specifier: "./kubeconfig_files.ts",
  },
  // With the first WebSocket.
  {
    file: "websocket.js",
    source: "src/platform/web_socket_ends.ts",
    specifier: "./web_socket_ends.ts",
  },
  // By `engine`.
  {
    file: "engine_server.js",
    source: "src/platform/node_server.ts",
    specifier: "../platform/node_server.ts",
  },
];

/** All of the bundle. */
export const BUNDLE_FILES: readonly string[] = [PROGRAM, ...LAZY.map(({ file }) => file)];

/** Of what is loaded at each start; and of any of them: the largest is Kubernetes' client. */
const PROGRAM_BYTES_MAX = 700_000;
const BUNDLE_BYTES_MAX = 1_500_000;

/** Writes all files into `dir`. @throws if Deno does not, or one has become too large */
export async function bundle(dir: string): Promise<void> {
  await Deno.mkdir(dir, { recursive: true });
  const used = new Set<string>();
  for (const { file, source } of [{ file: PROGRAM, source: MAIN }, ...LAZY]) {
    const others = LAZY.filter((part) => part.file !== file);
    const path = `${dir}/${file}`;
    await bundleFile(source, path, ...others.map(({ specifier }) => `--external=${specifier}`));
    let text = await Deno.readTextFile(path);
    for (const { file, specifier } of others) {
      if (!text.includes(`import("${specifier}")`)) continue;
      used.add(file);
      text = text.replaceAll(`import("${specifier}")`, `import(String("./${file}"))`);
    }
    await Deno.writeTextFile(path, text);
  }
  const unused = LAZY.find(({ file }) => !used.has(file));
  if (unused) throw new Error(`Nothing imports ${unused.specifier} when it must: is it elsewhere?`);
  for (const file of BUNDLE_FILES) {
    const { size } = await Deno.stat(`${dir}/${file}`);
    const max = file === PROGRAM ? PROGRAM_BYTES_MAX : BUNDLE_BYTES_MAX;
    if (size <= max) continue;
    throw new Error(`${dir}/${file} has ${size} bytes, ${max} at most: what came in?`);
  }
}

/** What is to load none of Node's modules is bundled as for a browser: packages then bring what does without. */
async function bundleFile(source: string, path: string, ...flags: string[]): Promise<void> {
  const platform = source === MAIN ? "browser" : "deno";
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["bundle", "--quiet", "--frozen", "--minify", "--platform", platform],
      ...flags,
      ...["--output", path, source],
    ],
    ...{ cwd: ROOT, stdin: "null" },
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

if (import.meta.main) {
  try {
    await bundle(Deno.args[0] ?? `${ROOT}dist`);
  } catch (error) {
    console.error((error as Error).message);
    Deno.exit(1);
  }
}
