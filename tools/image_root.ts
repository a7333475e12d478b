/**
 * `deno run -A tools/image_root.ts DIR DENO`: all files that the image has beyond its base, laid out below DIR. The
 * Dockerfile copies them, the tests run them where they lie. DENO is the program for the image's machine; DIR/app must
 * be reachable as /app.
 */
import { bundle } from "./bundle.ts";
import { writeDenoCache } from "./deno_cache.ts";

const ROOT = new URL("../", import.meta.url).pathname;
const DENO = "usr/local/bin/deno";
const CACHE = "var/cache/deno";
const NOTICES = ["LICENSE", "THIRD_PARTY.txt"];

/** The words of the image's ENTRYPOINT and the variables of its ENV. */
export interface ImageCommand {
  readonly words: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export async function imageCommand(): Promise<ImageCommand> {
  const dockerfile = (await Deno.readTextFile(`${ROOT}Dockerfile`)).replaceAll("\\\n", " ");
  const words = JSON.parse(/^ENTRYPOINT (.*)$/m.exec(dockerfile)![1]!) as string[];
  const pairs = /^ENV (.*)$/m.exec(dockerfile)![1]!.trim().split(/\s+/);
  return { words, env: Object.fromEntries(pairs.map((pair) => pair.split("=", 2))) };
}

/** `words` runs the image's Deno in its place, or one that is like it. */
export async function layOut(dir: string, deno: string, words: readonly string[]): Promise<void> {
  await bundle(`${dir}/app`);
  for (const name of NOTICES) await Deno.copyFile(`${ROOT}${name}`, `${dir}/app/${name}`);
  await Deno.mkdir(`${dir}/usr/local/bin`, { recursive: true });
  await Deno.copyFile(deno, `${dir}/${DENO}`);
  await Deno.chmod(`${dir}/${DENO}`, 0o755);
  const [, ...rest] = (await imageCommand()).words;
  // Which files it may read changes nothing of what is kept; its flags for V8 do.
  const all = rest.map((word) => word.startsWith("--allow-read=") ? "--allow-read" : word);
  await writeDenoCache(`${dir}/${CACHE}`, {
    ...{ words: [...words, ...all], workDir: `${dir}/app/warm`, seenAs: "/app/warm" },
  });
}

if (import.meta.main) {
  const [dir, deno] = Deno.args;
  if (!dir || !deno) {
    console.error("Name the folder, and the Deno of the image");
    Deno.exit(2);
  }
  await layOut(dir, deno, [Deno.execPath()]);
  if (deno !== Deno.execPath()) {
    // Of another kind of processor: compiled code is of no use there.
    for (const part of ["", "-wal", "-shm"]) {
      await Deno.remove(`${dir}/${CACHE}/v8_code_cache_v2${part}`);
    }
  }
}
