/** Gateways that know each other by their Leases, over a fake API server, in virtual time. */
import { expect } from "expect";
import { type ApiCall, failure } from "../../testing/fake_api_server.ts";
import { type Gateway, Gateways, standing } from "../../testing/gateways.ts";

const IDLE_MS = 600_000;
const never = new AbortController().signal;

function annotation({ body }: ApiCall, name: "claims" | "acks") {
  return JSON.parse(body.metadata.annotations[`vllm-autoscaler/${name}`]);
}

Deno.test("Membership costs three writes a minute when nothing happens, and tells nobody of them", async () => {
  const world = new Gateways();
  const all = await world.joined("a", "b", "c");
  for (const { membership } of all) {
    for (let i = 0; i < 100; i++) membership.claim(`model-${i}`, false, IDLE_MS);
  }
  await world.pass(30_000);
  const before = all.map(({ writes, lists, news }) => [writes.length, lists.length, news]);
  await world.pass(600_000);
  all.forEach(({ writes, lists, news }, at) => {
    expect(writes.length - before[at]![0]!).toBeGreaterThan(25);
    expect(writes.length - before[at]![0]!).toBeLessThanOrEqual(30);
    expect([lists.length, news]).toEqual(before[at]!.slice(1));
  });
  expect(world.lease("a").spec.leaseDurationSeconds).toBe(60);
  await world.end(...all);
  expect(world.clock.timers).toBe(0);
});

Deno.test("Membership has joined when its Lease is there and the others are listed", async () => {
  const world = new Gateways();
  const { membership } = world.add("a");
  let down = true;
  world.server.intercept = ({ method }) =>
    down && method === "POST" ? failure(500, "Internal", "not now") : undefined;
  membership.start();
  membership.start();
  const joined = standing(membership.serving("m", never));
  const enough = new AbortController();
  const left = standing(membership.serving("m", enough.signal));
  await world.pass(10_000);
  expect([joined.now, membership.isFresh]).toEqual(["waits", false]);
  enough.abort(new Error("enough"));
  down = false;
  await world.pass(60_000);
  expect([joined.now, left.now, membership.isFresh]).toEqual(["done", "enough", true]);
  expect([membership.refusal, membership.isServing(membership.name, "m")]).toEqual([
    undefined,
    true,
  ]);
  await membership.leave();
});

Deno.test("Membership tells at once that a model is used, and many flips in one write in 2 s", async () => {
  const world = new Gateways();
  const [a, b] = await world.joined("a", "b") as [Gateway, Gateway];
  await world.pass(3_000);
  const before = a.writes.length;
  a.membership.claim("m", true, IDLE_MS);
  await world.pass(10);
  expect(a.writes.length - before).toBe(1);
  expect(b.membership.claimsOf("m")).toEqual([{ isInUse: true, quietMs: 0 }]);
  expect(b.news).toBeGreaterThan(0);
  for (let i = 0; i < 95; i++) {
    for (let k = 0; k < 10; k++) a.membership.claim(`n${k}-${i % 20}`, i % 2 === 0, 100);
    await world.pass(100);
  }
  const writes = a.writes.slice(before + 1);
  expect(writes.length).toBeGreaterThanOrEqual(4);
  expect(writes.length).toBeLessThanOrEqual(6);
  await world.pass(3_000);
  expect(Object.keys(annotation(a.writes.at(-1)!, "claims")).length).toBe(201);
  await world.end(a, b);
});

Deno.test("Membership writes nothing for requests that recur within a quarter of the idle timeout", async () => {
  const world = new Gateways();
  const [a, b] = await world.joined("a", "b") as [Gateway, Gateway];
  const writesMs: number[] = [];
  for (let i = 0; i < 60; i++) {
    const before = a.writes.length;
    a.membership.claim("m", true, IDLE_MS);
    await world.pass(100);
    a.membership.claim("m", false, IDLE_MS);
    await world.pass(9_900);
    if (a.writes.length > before) writesMs.push(world.clock.nowMs());
    // The other never takes it for quiet for longer than it was by much.
    for (const { quietMs } of b.membership.claimsOf("m")) expect(quietMs).toBeLessThan(33_000);
  }
  // The first use, and three renewals a minute.
  expect(a.writes.length).toBeLessThanOrEqual(2 + 1 + 30);
  await world.end(a, b);
});

Deno.test("Membership tells of a use that began quiet, however long it lasts, and of its end", async () => {
  const world = new Gateways();
  const [a, b] = await world.joined("a", "b") as [Gateway, Gateway];
  a.membership.claim("m", false, 8_000);
  await world.pass(1_000);
  a.membership.claim("m", true, 8_000);
  await world.pass(500);
  expect(b.membership.claimsOf("m")[0]!.isInUse).toBe(false);
  await world.pass(1_000);
  expect(b.membership.claimsOf("m")[0]!.isInUse).toBe(true);
  await world.pass(30_000);
  a.membership.claim("m", false, 8_000);
  await world.pass(4_500);
  const [claim] = b.membership.claimsOf("m");
  expect(claim!.isInUse).toBe(false);
  expect(claim!.quietMs).toBeGreaterThan(4_400);
  expect(claim!.quietMs).toBeLessThanOrEqual(4_510);
  await world.end(a, b);
});

Deno.test("Membership tells how long a model is quiet, whatever the clocks say", async () => {
  const world = new Gateways();
  const [a] = await world.joined("a") as [Gateway];
  a.membership.claim("m", true, IDLE_MS);
  await world.pass(25_000);
  a.membership.claim("m", false, IDLE_MS);
  await world.pass(100_000);
  // It comes later: what it sees first was written before that.
  const b = world.add("b");
  b.membership.start();
  await world.pass(30_000);
  const [claim, ...more] = b.membership.claimsOf("m");
  expect(more).toEqual([]);
  expect(claim!.quietMs).toBeGreaterThan(129_000);
  expect(claim!.quietMs).toBeLessThanOrEqual(130_500);
  expect(a.membership.claimsOf("m")).toEqual([]);
  await world.end(a, b);
});

Deno.test("Membership remembers the last use by a gateway that has left, or restarted", async () => {
  const world = new Gateways();
  const [a, b, c] = await world.joined("a", "b", "c") as [Gateway, Gateway, Gateway];
  b.membership.claim("m", true, IDLE_MS);
  c.membership.claim("n", true, IDLE_MS);
  await world.pass(1_000);
  await b.membership.leave();
  c.kill();
  const again = world.add("c");
  again.membership.start();
  await world.pass(5_000);
  expect(a.membership.isServing(b.membership.name, "m")).toBe(false);
  for (const key of ["m", "n"]) {
    const [claim, ...more] = a.membership.claimsOf(key);
    expect([claim!.isInUse, more]).toEqual([false, []]);
    expect(claim!.quietMs).toBeGreaterThan(4_000);
    expect(claim!.quietMs).toBeLessThan(5_100);
  }
  await world.end(a, again);
});

Deno.test("Membership.agreed() resolves when each other one has acked, a late one too", async () => {
  const world = new Gateways();
  const [a, b, c] = await world.joined("a", "b", "c") as [Gateway, Gateway, Gateway];
  b.membership.ack("m", "old", never);
  await world.pass(10);
  const agreed = standing(a.membership.agreed("m", "t1", never));
  const acked = standing(b.membership.ack("m", "t1", never));
  await world.pass(100);
  expect([acked.now, agreed.now]).toEqual(["done", "waits"]);
  expect(annotation(b.writes.at(-1)!, "acks")).toEqual({ m: "t1" });
  await world.pass(15_000);
  c.membership.ack("m", "t1", never);
  await world.pass(10);
  expect(agreed.now).toBe("done");
  // It is known by now.
  const calls = b.writes.length;
  const again = standing(b.membership.ack("m", "t1", never));
  const alone = standing(a.membership.agreed("m", "t1", never));
  await world.pass(10);
  expect([again.now, alone.now, b.writes.length]).toEqual(["done", "done", calls]);
  await world.end(a, b, c);
});

// Another gateway of the namespace may have other models: it would never agree to what it does not know.
Deno.test("Membership waits for nobody who does not serve the workload, until it does", async () => {
  const world = new Gateways();
  const [a, b] = await world.joined("a", "b") as [Gateway, Gateway];
  const alone = standing(a.membership.agreed("n", "t1", never));
  await world.pass(100);
  expect(alone.now).toBe("done");
  const writes = b.writes.length;
  const serving = standing(b.membership.serving("n", never));
  await world.pass(100);
  expect([serving.now, b.writes.length]).toEqual(["done", writes + 1]);
  const both = standing(a.membership.agreed("n", "t2", never));
  await world.pass(1_000);
  expect(both.now).toBe("waits");
  const acked = standing(b.membership.ack("n", "t2", never));
  await world.pass(100);
  expect([acked.now, both.now]).toEqual(["done", "done"]);
  // What it serves is not said again with each renewal.
  await world.pass(60_000);
  const said = b.writes.slice(writes + 2).map(({ body }) => Object.keys(body.metadata.annotations));
  expect(said.length).toBeGreaterThan(1);
  expect(said.flat()).not.toContain("vllm-autoscaler/workloads");
  await world.end(a, b);
});

// Without its Lease nobody asks it before a sleep, nor may it put anything to sleep.
Deno.test("Membership that may have no Lease serves all the same, and says what it lacks", async () => {
  const world = new Gateways();
  const { membership } = world.add("a");
  world.server.intercept = ({ method }) =>
    method === "POST" ? failure(403, "Forbidden", "cannot create leases") : undefined;
  membership.start();
  const serving = standing(membership.serving("m", never));
  await world.pass(10_000);
  expect([serving.now, membership.refusal]).toEqual(["done", "cannot create leases"]);
  await membership.leave();
});
