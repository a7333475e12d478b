import { expect } from "expect";
import { Overloaded } from "../activator/errors.ts";
import { VirtualClock } from "../testing/virtual_clock.ts";
import { answerTo } from "./error_table.ts";
import type { Answer } from "./exchange.ts";
import { earlyJson } from "./keep_alive_json.ts";

function setUp() {
  const clock = new VirtualClock();
  const answer = Promise.withResolvers<Answer>();
  answer.promise.catch(() => {});
  const codes: string[] = [];
  const rescue = (error: unknown) => void codes.push(answerTo(error).code);
  let text = "";
  const ended = (async () => {
    for await (const chunk of earlyJson(answer.promise, { clock, intervalMs: 10_000, rescue })) {
      text += new TextDecoder().decode(chunk);
    }
  })();
  return { clock, answer, codes, ended, text: () => text };
}

const answerOf = (response: Response): Answer => ({ response, endpoint: "http://up" });

Deno.test("an early JSON answer is white space every interval, then the upstream's bytes", async () => {
  const { clock, answer, codes, ended, text } = setUp();
  await clock.advance(20_000);
  expect(text()).toBe("   ");
  answer.resolve(answerOf(Response.json({ id: 9007199254740993n.toString() })));
  await ended;
  expect(text()).toBe('   {"id":"9007199254740993"}');
  expect([codes, clock.timers]).toEqual([[], 0]);
});

const FAILURES: [string, string, (answer: PromiseWithResolvers<Answer>) => void][] = [
  ["the wake failed", "overloaded", ({ reject }) => reject(new Overloaded("m", "full"))],
  [
    "the upstream refused",
    "upstream_unreachable",
    ({ resolve }) => resolve(answerOf(Response.json({ error: "no" }, { status: 400 }))),
  ],
  [
    "the upstream sent no JSON",
    "upstream_unreachable",
    ({ resolve }) => resolve(answerOf(new Response("<html>"))),
  ],
  [
    "the upstream sent packed JSON",
    "upstream_unreachable",
    ({ resolve }) =>
      resolve(answerOf(Response.json({ id: 1 }, { headers: { "content-encoding": "gzip" } }))),
  ],
];

for (const [why, code, fail] of FAILURES) {
  Deno.test(`an early JSON answer is cut when ${why}, and the record says so`, async () => {
    const { answer, codes, ended } = setUp();
    fail(answer);
    await expect(ended).rejects.toThrow();
    expect(codes).toEqual([code]);
  });
}
