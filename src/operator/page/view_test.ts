import { expect } from "expect";
import { readView, writeView } from "./view.js";

Deno.test("readView() reads what writeView() wrote, and takes nonsense for nothing", () => {
  const view = {
    ...{ text: "qwen 8b", group: "failed", sort: "pending", descending: true },
    open: new Set(["a/b", "c"]),
  };
  expect(readView(writeView(view))).toEqual(view);
  expect(writeView(readView(""))).toBe("");
  expect(readView("#state=dancing&sort=-luck")).toMatchObject({ group: "all", sort: "name" });
});
