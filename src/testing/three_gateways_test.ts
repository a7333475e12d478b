import { expect } from "expect";
import { Membership } from "../targets/kubernetes/membership.ts";
import { threeGateways } from "./three_gateways.ts";

/** By hand: more seeds, from `$SEED` on. */
const SEEDS = Number(Deno.env.get("SEEDS") ?? 3);
const FIRST = Number(Deno.env.get("SEED") ?? 1);
const HOURS = 12;

Deno.test(`three gateways keep every promise in ${SEEDS} worlds of ${HOURS} hours`, async () => {
  const broken: string[] = [];
  let sleeps = 0, answered = 0, kills = 0;
  for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
    const world = await threeGateways(seed, HOURS);
    sleeps += world.sleeps;
    answered += world.answered;
    kills += world.kills;
    for (const promise of world.broken) broken.push(`seed ${seed}: ${promise}`);
  }
  console.log(`    ${answered} answered, ${sleeps} sleeps, ${kills} kills`);
  expect(broken).toEqual([]);
  expect(answered).toBeGreaterThan(SEEDS * 20);
  expect(sleeps).toBeGreaterThan(SEEDS * 5);
});

Deno.test("three gateways that neither hear nor ask each other are caught", async () => {
  const { claimsOf, agreed } = Membership.prototype;
  Object.assign(Membership.prototype, { claimsOf: () => [], agreed: () => Promise.resolve() });
  try {
    const broken: string[] = [];
    for (let seed = 1; seed <= 4 && broken.length === 0; seed++) {
      broken.push(...(await threeGateways(seed, HOURS)).broken);
    }
    expect(broken.join()).toMatch(/put to sleep under a request/);
  } finally {
    Object.assign(Membership.prototype, { claimsOf, agreed });
  }
});
