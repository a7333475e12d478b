import { expect } from "expect";
import fc from "fast-check";
import { HeaderFields } from "./http_headers.ts";

const NAME = fc.constantFrom("a", "A", "b", "x-long-name");
const VALUE = fc.constantFrom("", "1", "2, 3");

Deno.test("HeaderFields are what Headers are, but for the order", () => {
  const step = fc.oneof(
    fc.tuple(fc.constantFrom("set", "append"), NAME, VALUE),
    fc.tuple(fc.constant("delete"), NAME, fc.constant("")),
  );
  fc.assert(fc.property(fc.array(step), (steps) => {
    const ours = new HeaderFields(), theirs = new Headers();
    for (const [verb, name, value] of steps) {
      for (const headers of [ours, theirs]) {
        if (verb === "delete") headers.delete(name);
        else headers[verb as "set"](name, value);
      }
      for (const each of ["a", "B", "X-Long-Name"]) {
        expect([each, ours.get(each), ours.has(each)])
          .toEqual([each, theirs.get(each), theirs.has(each)]);
      }
    }
    expect([...new Headers([...ours])]).toEqual([...theirs]);
  }));
});

Deno.test("HeaderFields keep apart what came apart", () => {
  const headers = new HeaderFields([["set-cookie", "a=1"], ["set-cookie", "b=2"]]);
  const seen: string[] = [];
  headers.forEach((value, name) => seen.push(`${name}: ${value}`));
  expect(seen).toEqual(["set-cookie: a=1", "set-cookie: b=2"]);
});
