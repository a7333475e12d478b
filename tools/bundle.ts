/**
 * `deno task bundle [DIR]`: all that runs in the image, by default in dist/: `vllm-autoscaler.js`, and beside it what that
 * loads only when it must.
 *
 * Deno parses all that an `import("...")` names when the program starts, loaded or not, with what of Node's it imports:
 * for Kubernetes' own client that is 35 MiB of memory for nothing. So names are written such that Deno does not see them;
 * then their folder must be readable at run time.
 */

const ROOT = new URL("../", import.meta.url).pathname;
const PROGRAM = "vllm-autoscaler.js";

interface LazyPart {
  readonly file: string;
  /** The module that is loaded, and the name that it is imported by. */
  readonly source: string;
  readonly specifier: string;
}

const LAZY: readonly LazyPart[] = [
  // Where there is a kubeconfig.
  {
    file: "kubeconfig.js",
    source: "src/targets/kubernetes/client_node.ts",
    specifier: "./client_node.ts",
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
    specifier: "./src/platform/node_server.ts",
  },
];

/** All of the bundle. */
export const BUNDLE_FILES: readonly string[] = [PROGRAM, ...LAZY.map(({ file }) => file)];

/** The largest of them is Kubernetes' client, of which hardly more can be left out. */
export const BUNDLE_BYTES_MAX = 1_500_000;

/** Writes all files into `dir`. @throws if Deno does not, or one has become too large */
export async function bundle(dir: string): Promise<void> {
  await Deno.mkdir(dir, { recursive: true });
  const flags = LAZY.map(({ specifier }) => `--external=${specifier}`);
  await bundleFile("main.ts", `${dir}/${PROGRAM}`, ...flags);
  let text = await Deno.readTextFile(`${dir}/${PROGRAM}`);
  for (const { file, source, specifier } of LAZY) {
    await bundleFile(source, `${dir}/${file}`);
    const written = text.replaceAll(`import("${specifier}")`, `import(String("./${file}"))`);
    if (written === text) {
      throw new Error(`Nothing imports ${specifier} when it must: is it in the bundle of main.ts?`);
    }
    text = written;
  }
  await Deno.writeTextFile(`${dir}/${PROGRAM}`, text);
  for (const file of BUNDLE_FILES) {
    const { size } = await Deno.stat(`${dir}/${file}`);
    if (size <= BUNDLE_BYTES_MAX) continue;
    throw new Error(`${dir}/${file} has ${size} bytes, ${BUNDLE_BYTES_MAX} at most: what came in?`);
  }
}

async function bundleFile(source: string, path: string, ...flags: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["bundle", "--quiet", "--frozen", "--minify", "--platform", "deno"],
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
