import { expect } from "expect";
import fc from "fast-check";
import { dirname, isAbsolute, resolve } from "node:path";
import { absolutePath, folderOf } from "./path.ts";

Deno.test("a path is taken as it is, or from a folder", () => {
  expect(absolutePath("/etc/gateway", "keys/a")).toBe("/etc/gateway/keys/a");
  expect(absolutePath("/etc/gateway", "../keys")).toBe("/etc/keys");
  expect(absolutePath("/etc/gateway", "/run/./keys")).toBe("/run/./keys");
  expect(absolutePath("/", ".")).toBe("/");
  expect(absolutePath("/a b", "%2e%2e/ü?#\\")).toBe("/a b/%2e%2e/ü?#\\");
  expect(folderOf("a/b.yaml")).toBe("a");
  expect(folderOf("/b.yaml")).toBe("/");
  expect(folderOf("b.yaml")).toBe(".");
});

Deno.test("a path means what it means to Node", () => {
  const part = fc.constantFrom(
    "a",
    "b c",
    ".",
    "..",
    "%41",
    "ü",
    "?",
    "#",
    "c:",
    "~",
    "a\\b",
    "...",
  );
  const path = fc.array(part, { minLength: 1, maxLength: 6 }).map((parts) => parts.join("/"));
  fc.assert(fc.property(path, path, (dir, path) => {
    expect([dir, path, absolutePath(`/${dir}`, path)])
      .toEqual([dir, path, resolve(`/${dir}`, path)]);
    expect([path, folderOf(path)]).toEqual([path, dirname(path)]);
    expect(isAbsolute(absolutePath(`/${dir}`, path))).toBe(true);
  }));
});
