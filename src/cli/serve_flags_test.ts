import { Command } from "commander";
import { expect } from "expect";
import fc from "fast-check";
import { plainServeFlags, SERVE_FLAGS } from "./serve_flags.ts";

/** What commander makes of words; undefined: it is not `serve`, or wrong. */
function byCommander(words: readonly string[]): unknown {
  let taken: unknown;
  const program = new Command().exitOverride()
    .configureOutput({ writeOut: () => {}, writeErr: () => {} });
  const serve = program.command("serve").action((flags) => taken = flags);
  for (const [flag, help] of SERVE_FLAGS) serve.option(flag, help);
  try {
    program.parse(words, { from: "user" });
  } catch {
    return undefined;
  }
  return taken;
}

Deno.test("how a gateway is started needs no commander", () => {
  expect(plainServeFlags(["serve"])).toEqual({});
  expect(plainServeFlags(["serve", "--config", "a.yaml", "--target-port", "80"]))
    .toEqual({ config: "a.yaml", targetPort: "80" });
});

Deno.test("the words taken without commander mean the same to it", () => {
  const flag = SERVE_FLAGS.map(([flag]) => flag.split(" ")[0]!);
  const word = fc.constantFrom(
    "serve",
    "",
    "a",
    "80",
    "-",
    "--",
    "-h",
    "--help",
    "--config=a",
    ...flag,
  );
  const pair = fc.tuple(fc.constantFrom(...flag), word);
  const words = fc.oneof(
    fc.array(word, { maxLength: 6 }),
    fc.array(pair, { maxLength: 4 }).map((pairs) => ["serve", ...pairs.flat()]),
  );
  let taken = 0;
  fc.assert(
    fc.property(words, (words) => {
      const flags = plainServeFlags(words);
      if (flags === undefined) return;
      taken++;
      expect([words, flags]).toEqual([words, { ...byCommander(words) as object }]);
    }),
    { numRuns: 2_000 },
  );
  expect(taken).toBeGreaterThan(100);
});
