import { expect } from "expect";
import { thirdParty } from "./third_party.ts";

const ROOT = new URL("../", import.meta.url).pathname;

Deno.test("THIRD_PARTY.txt names all that is shipped: deno task third-party > THIRD_PARTY.txt", async () => {
  expect(await Deno.readTextFile(`${ROOT}THIRD_PARTY.txt`)).toBe(await thirdParty());
});

Deno.test("no package runs a script when it is installed, and none is without a pin", async () => {
  const config = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  expect(config.allowScripts).toBe(undefined);
  for (const specifier of Object.values(config.imports)) {
    expect(specifier).toMatch(/^npm:(@[^/]+\/)?[^@]+@\d+\.\d+\.\d+$/);
  }
  for (const task of Object.values(config.tasks)) {
    expect(JSON.stringify(task)).not.toContain("allow-scripts");
  }
});
