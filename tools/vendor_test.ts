import { expect } from "expect";
import { sha256, VENDOR, type Vendored, vendored } from "./vendor.ts";

const read = (file: string) => Deno.readTextFile(new URL(file, VENDOR));

Deno.test("the status page's packages are what vendor.json says, and nothing else lies beside them", async () => {
  const list: Vendored[] = JSON.parse(await read("vendor.json"));
  const found = await Promise.all(
    list.map(async ({ file, from }) => ({ file, from, sha256: await sha256(await read(file)) })),
  );
  expect(found).toEqual(list);
  const files = Array.from(Deno.readDirSync(VENDOR), ({ name }) => name).toSorted();
  expect(files).toEqual([...list.map(({ file }) => file), "vendor.json"].toSorted());
});

Deno.test("the status page's packages are what npm has", async () => {
  let fresh: Map<string, string>;
  try {
    fresh = await vendored();
  } catch (error) {
    console.log(`skipped: npm does not answer (${(error as Error).message.split("\n")[0]})`);
    return;
  }
  for (const [file, text] of fresh) expect([file, await read(file) === text]).toEqual([file, true]);
});
