/** The reference page says what the schema says. */
import { expect } from "expect";
import { configDocs, PAGE } from "./config_docs.ts";

Deno.test("docs/CONFIG.md is what the schema says", async () => {
  // Refused? `deno task docs`
  expect(await Deno.readTextFile(PAGE)).toBe(await configDocs());
});
