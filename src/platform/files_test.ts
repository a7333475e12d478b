import { expect } from "expect";
import { join } from "node:path";
import { systemFiles } from "./files.ts";

async function withFolder(body: (dir: string) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir();
  try {
    await body(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

Deno.test("systemFiles.watchDirectory() tells of new, written, renamed and removed entries", async () => {
  await withFolder(async (dir) => {
    let told = Promise.withResolvers<void>();
    using _watch = systemFiles.watchDirectory(dir, () => told.resolve());
    const file = join(dir, "a");
    const changes = [
      () => Deno.writeTextFile(file, "1"),
      () => Deno.writeTextFile(file, "2"),
      () => Deno.rename(file, join(dir, "b")),
      () => Deno.remove(join(dir, "b")),
    ];
    for (const change of changes) {
      told = Promise.withResolvers<void>();
      await change();
      await told.promise;
    }
  });
});

// Who reads on every change would else never stop.
Deno.test("systemFiles.watchDirectory() tells nothing of reading", async () => {
  await withFolder(async (dir) => {
    const file = join(dir, "a");
    await Deno.writeTextFile(file, "1");
    const calls: number[] = [];
    const told = Promise.withResolvers<void>();
    using _watch = systemFiles.watchDirectory(dir, () => told.resolve(void calls.push(1)));
    expect(await systemFiles.readText(file)).toBe("1");
    // One event, and the reading's would come before it.
    await Deno.mkdir(join(dir, "end"));
    await told.promise;
    expect(calls).toHaveLength(1);
  });
});

Deno.test("systemFiles.watchDirectory() tells nothing after it was disposed", async () => {
  await withFolder(async (dir) => {
    const told = Promise.withResolvers<void>();
    let calls = 0;
    const watch = systemFiles.watchDirectory(dir, () => calls++);
    using _other = systemFiles.watchDirectory(dir, () => told.resolve());
    watch[Symbol.dispose]();
    watch[Symbol.dispose]();
    await Deno.mkdir(join(dir, "a"));
    await told.promise;
    expect(calls).toBe(0);
  });
});

Deno.test("systemFiles says that a file is missing, and takes a folder that is", async () => {
  await withFolder(async (dir) => {
    await expect(systemFiles.readText(join(dir, "none"))).rejects.toThrow(Deno.errors.NotFound);
    using _watch = systemFiles.watchDirectory(join(dir, "none"), () => {});
  });
});
