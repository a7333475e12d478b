/**
 * The gateway as the image starts it, without an image: the same bundle, the same words and the same
 * environment, read from the Dockerfile.
 */
import type { GatewayCommand } from "./gateway_process.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

export interface Image extends AsyncDisposable {
  /** Its permissions name the folder of the config file and `folders`, instead of the image's own. */
  command(...folders: string[]): GatewayCommand;
}

/** Bundles into a folder that goes with it. */
export async function buildImage(): Promise<Image> {
  const dir = await Deno.makeTempDir({ prefix: "bundle-" });
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", `${ROOT}tools/bundle.ts`, dir],
    stdin: "null",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  const dockerfile = (await Deno.readTextFile(`${ROOT}Dockerfile`)).replaceAll("\\\n", " ");
  const [, ...words] = JSON.parse(/^ENTRYPOINT (.*)$/m.exec(dockerfile)![1]!) as string[];
  const pairs = /^ENV (.*)$/m.exec(dockerfile)![1]!.trim().split(/\s+/);
  const fromFile = Object.fromEntries(pairs.map((pair) => pair.split("=", 2)));
  // Deno keeps what it learns of a program: a container that has just been made knows nothing.
  const env = { ...fromFile, DENO_DIR: "/proc/none" };
  return {
    command: (...folders) => ({
      words: (configDir) => [
        Deno.execPath(),
        ...words.map((word) =>
          word.replace(/^--allow-read=.*/, `--allow-read=${[dir, configDir, ...folders].join()}`)
            .replace(/^\/app\//, `${dir}/`)
        ),
      ],
      env,
    }),
    [Symbol.asyncDispose]: () => Deno.remove(dir, { recursive: true }),
  };
}
