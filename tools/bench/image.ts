/**
 * The gateway as the image starts it, without an image: the same bundle, the same words and the same
 * environment, read from the Dockerfile.
 */
import type { GatewayCommand } from "../../src/testing/gateway_process.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

export interface Image extends AsyncDisposable {
  /** Its permissions name the folder of the config file and `folders`, instead of the image's own. */
  command(...folders: string[]): GatewayCommand;
}

/** Bundles into a folder that goes with it. */
export async function buildImage(): Promise<Image> {
  const dir = await Deno.makeTempDir({ prefix: "bundle-" });
  const { tasks } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  const [, ...args] = tasks.bundle.command.replace("--outdir dist", `--outdir ${dir}`).split(" ");
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    ...{ args, cwd: ROOT, stdin: "null" },
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  const dockerfile = (await Deno.readTextFile(`${ROOT}Dockerfile`)).replaceAll("\\\n", " ");
  const [, ...words] = JSON.parse(/^ENTRYPOINT (.*)$/m.exec(dockerfile)![1]!) as string[];
  const env = /^ENV (.*)$/m.exec(dockerfile)![1]!.trim().split(/\s+/)
    .map((pair) => pair.split("=", 2));
  return {
    command: (...folders) => ({
      words: (configDir) => [
        Deno.execPath(),
        ...words.map((word) =>
          word.replace(/^--allow-read=.*/, `--allow-read=${[configDir, ...folders].join()}`)
            .replace(/^\/app\//, `${dir}/`)
        ),
      ],
      env: Object.fromEntries(env),
    }),
    [Symbol.asyncDispose]: () => Deno.remove(dir, { recursive: true }),
  };
}
