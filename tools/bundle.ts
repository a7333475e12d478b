/**
 * `deno task bundle [DIR]`: all that runs in the image, by default in dist/: `vllm-autoscaler.js`, and `kubeconfig.js`,
 * which it loads only where there is a kubeconfig.
 *
 * Deno parses all that an `import("...")` names when the program starts, loaded or not: for Kubernetes' own
 * client that is 35 MiB of memory for nothing. So its name is written such that Deno does not see it; then its folder
 * must be readable at run time.
 */

const ROOT = new URL("../", import.meta.url).pathname;
const KUBECONFIG = "client_node.ts";
/** Both are one folder below, and next to each other there. */
const LAZY = /import\("\.\/client_node\.ts"\)/g;

/** The larger of the two is Kubernetes' client, of which hardly more can be left out. */
export const BUNDLE_BYTES_MAX = 1_500_000;

/** Writes both files into `dir`. @throws if Deno does not, or one has become too large */
export async function bundle(dir: string): Promise<void> {
  await Deno.mkdir(dir, { recursive: true });
  const program = `${dir}/vllm-autoscaler.js`, kubeconfig = `${dir}/kubeconfig.js`;
  await bundleFile("main.ts", program, `--external=./${KUBECONFIG}`);
  await bundleFile(`src/targets/kubernetes/${KUBECONFIG}`, kubeconfig);
  const text = await Deno.readTextFile(program);
  const written = text.replace(LAZY, 'import(String("./kubeconfig.js"))');
  if (written === text) {
    throw new Error(`Nothing imports ${KUBECONFIG} when it must: is it in the bundle of main.ts?`);
  }
  await Deno.writeTextFile(program, written);
  for (const path of [program, kubeconfig]) {
    const { size } = await Deno.stat(path);
    if (size <= BUNDLE_BYTES_MAX) continue;
    throw new Error(`${path} has ${size} bytes, ${BUNDLE_BYTES_MAX} at most: what came in?`);
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
