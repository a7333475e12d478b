import { expect } from "expect";
import fc from "fast-check";
import { editDistance, nearest } from "./nearest.ts";

const KEYS = [
  "idleTimeout",
  "coldStartTimeout",
  "pendingMax",
  "inFlightMax",
  "key",
  "keyFile",
  "cors",
];

Deno.test("nearest() finds what was meant", () => {
  const table: [string, string | undefined][] = [
    ["idleTimeOut", "idleTimeout"],
    ["idle_timeout", "idleTimeout"],
    ["idle-timeout", "idleTimeout"],
    ["idelTimeout", "idleTimeout"],
    ["idleTimout", "idleTimeout"],
    ["coldstart", "coldStartTimeout"],
    ["co", undefined],
    ["corsOrigins", "cors"],
    ["coldStartTimeouts", "coldStartTimeout"],
    ["pendingmax", "pendingMax"],
    ["kye", "key"],
    ["keyfile", "keyFile"],
    ["cor", "cors"],
    ["x", undefined],
    ["", undefined],
    ["namespace", undefined],
    ["keyFiles", "keyFile"],
    ["i".repeat(1000), undefined],
  ];
  for (const [word, want] of table) expect([word, nearest(word, KEYS)]).toEqual([word, want]);
  expect(nearest("a", [])).toBe(undefined);
});

Deno.test("editDistance() is a symmetric distance that counts one edit as one", () => {
  const word = fc.stringMatching(/^[abc]{0,8}$/);
  fc.assert(
    fc.property(word, word, fc.nat(), (a, b, at) => {
      expect(editDistance(a, b)).toBe(editDistance(b, a));
      expect(editDistance(a, b) === 0).toBe(a === b);
      expect(editDistance(a, b)).toBeLessThanOrEqual(Math.max(a.length, b.length));
      const i = at % (a.length + 1);
      expect(editDistance(a, `${a.slice(0, i)}z${a.slice(i)}`)).toBe(1);
    }),
    { numRuns: 300 },
  );
});
