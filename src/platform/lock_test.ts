import { expect } from "expect";
import { acquireLock, lockPathOf } from "./lock.ts";

async function withFolder(test: (folder: string) => Promise<void> | void) {
  const folder = await Deno.makeTempDir();
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("acquireLock() gives one lock at a time", () =>
  withFolder((folder) => {
    const path = `${folder}/lock`;
    {
      using lock = acquireLock(path);
      expect(lock).toBeDefined();
      expect(acquireLock(path)).toBeUndefined();
    }
    using again = acquireLock(path);
    expect(again).toBeDefined();
  }));

Deno.test("acquireLock() gets the lock of a process that was killed", () =>
  withFolder(async (folder) => {
    const path = `${folder}/lock`;
    const holder = new Deno.Command(Deno.execPath(), {
      args: [
        "eval",
        `const { acquireLock } = await import(${JSON.stringify(import.meta.resolve("./lock.ts"))});
         globalThis.lock = acquireLock(${JSON.stringify(path)});
         console.log(globalThis.lock ? "held" : "not held");
         setInterval(() => {}, 1000);`,
      ],
      stdout: "piped",
    }).spawn();
    const reader = holder.stdout.getReader();
    expect(new TextDecoder().decode((await reader.read()).value)).toBe("held\n");
    expect(acquireLock(path)).toBeUndefined();

    holder.kill("SIGKILL");
    await holder.status;
    await reader.cancel();
    using lock = acquireLock(path);
    expect(lock).toBeDefined();
  }));

Deno.test("lockPathOf() is one path for a file, whichever way it is named", () =>
  withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/a.yaml`, "");
    await Deno.writeTextFile(`${folder}/b.yaml`, "");
    await Deno.symlink(`${folder}/a.yaml`, `${folder}/link.yaml`);
    const path = await lockPathOf(`${folder}/a.yaml`);
    expect(path).toMatch(/\/vllm-autoscaler-[0-9a-f]{64}\.lock$/);
    expect(await lockPathOf(`${folder}/link.yaml`)).toBe(path);
    expect(await lockPathOf(`${folder}/../${folder.split("/").at(-1)}/a.yaml`)).toBe(path);
    expect(await lockPathOf(`${folder}/b.yaml`)).not.toBe(path);
  }));
