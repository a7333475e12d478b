/**
 * The gateway as the image ships it, but on this machine: the same bundle, V8's flags and environment, and what Deno keeps
 * of a program that it has run, without which it takes a third more memory.
 */
import { writeDenoCache } from "../deno_cache.ts";
import type { GatewayCommand } from "../../src/testing/gateway_process.ts";
import { buildImage } from "../../src/testing/image.ts";

export interface Shipped extends AsyncDisposable {
  /** `before`: words in front of it, such as those of `taskset`, which leave it its pid. */
  command(...before: string[]): GatewayCommand;
}

/** Bundles, and runs it until Deno knows it: some seconds. `isFree`: it may start programs, as the image's may not. */
export async function ship({ isFree = true } = {}): Promise<Shipped> {
  await using all = new AsyncDisposableStack();
  const image = all.use(await buildImage());
  const dir = await Deno.makeTempDir({ prefix: "shipped-" });
  all.defer(() => Deno.remove(dir, { recursive: true }));
  const { words, env } = image.command();
  const chosen = (dir: string) => isFree ? freed(words(dir)) : words(dir);
  const workDir = `${dir}/work`, cache = `${dir}/cache`;
  await writeDenoCache(cache, { words: chosen(workDir), workDir, seenAs: workDir });
  const taken = all.move();
  return {
    command: (...before) => ({
      words: (dir) => [...before, ...chosen(dir)],
      env: { ...env, DENO_DIR: cache },
    }),
    [Symbol.asyncDispose]: () => taken.disposeAsync(),
  };
}

function freed(words: readonly string[]): string[] {
  return words.flatMap((word) =>
    word === "--ignore-env" ? ["--allow-all"] : word.startsWith("--allow-") ? [] : [word]
  );
}
