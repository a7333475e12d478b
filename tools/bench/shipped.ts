/**
 * The gateway as the image ships it, but on this machine and free to start programs: the same bundle, V8's flags and
 * environment, and what Deno keeps of a program that it has run.
 */
import { writeDenoCache } from "../deno_cache.ts";
import type { GatewayCommand } from "../../src/testing/gateway_process.ts";
import { buildImage } from "../../src/testing/image.ts";

export interface Shipped extends AsyncDisposable {
  /** `before`: words in front of it, such as those of `taskset`, which leave it its pid. */
  command(...before: string[]): GatewayCommand;
}

/** Bundles, and runs it until Deno knows it: some seconds. */
export async function ship(): Promise<Shipped> {
  await using all = new AsyncDisposableStack();
  const image = all.use(await buildImage());
  const dir = await Deno.makeTempDir({ prefix: "shipped-" });
  all.defer(() => Deno.remove(dir, { recursive: true }));
  const { words, env } = image.command();
  const free = words(dir).flatMap((word) =>
    word === "--ignore-env" ? ["--allow-all"] : word.startsWith("--allow-") ? [] : [word]
  );
  const workDir = `${dir}/work`, cache = `${dir}/cache`;
  await writeDenoCache(cache, { words: free, workDir, seenAs: workDir });
  const taken = all.move();
  return {
    command: (...before) => ({
      words: () => [...before, ...free],
      env: { ...env, DENO_DIR: cache },
    }),
    [Symbol.asyncDispose]: () => taken.disposeAsync(),
  };
}
