/** Many seeded worlds; a failing one prints the command that replays it. */
import { expect } from "expect";
import { Activation } from "../activator/activation.ts";
import type { Conversation, ConversationOptions } from "../activator/conversation.ts";
import type { Clock } from "../platform/clock.ts";
import { SILENCE_MAX_MS } from "../targets/kubernetes/reflector.ts";
import { Believer } from "./believer.ts";
import { simulate } from "./simulator.ts";

const SEEDS = 100;
const DAYS = 2;

Deno.test(`simulate() keeps every promise in ${SEEDS} worlds of ${DAYS} days`, async () => {
  const broken: string[] = [];
  let answered = 0;
  let sleeps = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const world = await simulate({ seed, days: DAYS });
    answered += world.ended.answered;
    sleeps += world.sleeps;
    for (const promise of world.broken) {
      broken.push(`${promise}\n  replay: deno task simulate ${seed} ${DAYS}`);
    }
  }
  expect(broken).toEqual([]);
  // Worlds in which nothing happens would keep every promise.
  expect(answered).toBeGreaterThan(SEEDS * 50);
  expect(sleeps).toBeGreaterThan(SEEDS * 10);
});

Deno.test("simulate() gives the same trace for the same seed, another for another", async () => {
  const [one, again, other] = [
    await simulate({ seed: 7, days: 1 }),
    await simulate({ seed: 7, days: 1 }),
    await simulate({ seed: 8, days: 1 }),
  ];
  expect(again.trace).toEqual(one.trace);
  expect(other.trace).not.toEqual(one.trace);
});

Deno.test("simulate() catches a planted bug: news older than our last command", async () => {
  class Mutant extends Activation {
    protected override createConversation(options: ConversationOptions): Conversation {
      return new Believer(options);
    }
  }
  const broken: string[] = [];
  for (let seed = 1; seed <= 50 && broken.length === 0; seed++) {
    const make = (options: ConstructorParameters<typeof Mutant>[0]) => new Mutant(options);
    broken.push(...(await simulate({ seed, days: DAYS, make })).broken);
  }
  expect(broken.join("\n")).toMatch(/went to what we had stopped/);
});

/** A gateway renews its Lease three times a minute, which is most of what happens in these days. */
const CLUSTERS = 8;

Deno.test("simulate() over Kubernetes: no promise is broken, whatever the API server does", async () => {
  const broken: string[] = [];
  let answered = 0, sleeps = 0, storms = 0;
  for (let seed = 1; seed <= CLUSTERS; seed++) {
    const world = await simulate({ seed, days: DAYS, over: "kubernetes" });
    answered += world.ended.answered;
    sleeps += world.sleeps;
    storms += world.trace.filter((line) => line.includes("storm: ")).length;
    for (const promise of world.broken) {
      broken.push(`${promise}\n  replay: deno task simulate ${seed} ${DAYS} kubernetes`);
    }
  }
  expect(broken).toEqual([]);
  expect(answered).toBeGreaterThan(CLUSTERS * 50);
  expect(sleeps).toBeGreaterThan(CLUSTERS * 10);
  expect(storms).toBeGreaterThan(CLUSTERS);
});

Deno.test("simulate() over Kubernetes gives the same trace for the same seed", async () => {
  const [one, again] = [
    await simulate({ seed: 7, days: 1, over: "kubernetes" }),
    await simulate({ seed: 7, days: 1, over: "kubernetes" }),
  ];
  expect(again.trace).toEqual(one.trace);
});

Deno.test("simulate() over Kubernetes catches a planted bug: a watch that fell silent is never given up", async () => {
  const clockOf = (clock: Clock): Clock => ({
    nowMs: () => clock.nowMs(),
    wallMs: () => clock.wallMs(),
    timer: (ms, callback) => clock.timer(ms === SILENCE_MAX_MS ? Infinity : ms, callback),
  });
  const broken: string[] = [];
  for (let seed = 1; seed <= 3 * CLUSTERS && broken.length === 0; seed++) {
    broken.push(...(await simulate({ seed, days: DAYS, over: "kubernetes", clockOf })).broken);
  }
  expect(broken.join("\n")).toMatch(/not idle/);
});
