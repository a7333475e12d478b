/**
 * The gateway as the image starts it, without an image: the same bundle, the same words and the same
 * environment, read from the Dockerfile.
 */
import { bundle } from "../../tools/bundle.ts";
import { imageCommand } from "../../tools/image_root.ts";
import type { GatewayCommand } from "./gateway_process.ts";

export interface Image extends AsyncDisposable {
  /** Its permissions name the folder of the config file and `folders`, instead of the image's own. */
  command(...folders: string[]): GatewayCommand;
}

/** Bundles into a folder that goes with it. */
export async function buildImage(): Promise<Image> {
  const dir = await Deno.makeTempDir({ prefix: "bundle-" });
  await bundle(dir);
  const { words: [, ...words], env } = await imageCommand();
  return {
    command: (...folders) => ({
      words: (configDir) => [
        Deno.execPath(),
        ...words.map((word) =>
          word.replace(/^--allow-read=.*/, `--allow-read=${[dir, configDir, ...folders].join()}`)
            .replace(/^\/app\//, `${dir}/`)
        ),
      ],
      // Nothing is known of this program yet: see image_root.ts for a container that has just been made.
      env: { ...env, DENO_DIR: "/proc/none" },
    }),
    [Symbol.asyncDispose]: () => Deno.remove(dir, { recursive: true }),
  };
}
