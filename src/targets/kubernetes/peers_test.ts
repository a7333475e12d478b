/** Who is expelled, and who is not, and what becomes of agreements meanwhile. */
import { expect } from "expect";
import { failure } from "../../testing/fake_api_server.ts";
import { type Gateway, Gateways, leasePath, standing } from "../../testing/gateways.ts";

const IDLE_MS = 600_000;
const never = new AbortController().signal;

Deno.test("a gateway that was killed is waited for until its Lease is out, then expelled", async () => {
  const world = new Gateways();
  const [a, b, c] = await world.joined("a", "b", "c") as [Gateway, Gateway, Gateway];
  await world.pass(40_000);
  c.membership.claim("m", true, IDLE_MS);
  await world.pass(10);
  c.kill();
  const agreed = standing(a.membership.agreed("m", "t", never));
  b.membership.ack("m", "t", never);
  await world.pass(55_000);
  expect([agreed.now, a.membership.isServing(c.membership.name, "m")]).toEqual(["waits", true]);
  expect(a.membership.claimsOf("m")[0]!.isInUse).toBe(true);
  await world.pass(7_000);
  expect([agreed.now, a.membership.isServing(c.membership.name, "m")]).toEqual(["done", false]);
  expect(world.lease("c")).toBe(undefined);
  // It was used until its last sign of life.
  for (const { membership } of [a, b]) {
    const [claim, ...more] = membership.claimsOf("m");
    expect([claim!.isInUse, more]).toEqual([false, []]);
  }
  expect(a.membership.claimsOf("m")[0]!.quietMs).toBeGreaterThan(60_000);
  // One read and one delete for each that saw it; while waiting a read now and then.
  const deletes = [...a.writes, ...b.writes].filter(({ method }) => method === "DELETE");
  expect(deletes.length).toBeLessThanOrEqual(2);
  expect(b.lists.length).toBeLessThanOrEqual(2);
  expect(a.lists.length).toBeLessThanOrEqual(10);
  expect([a.losses, b.losses]).toEqual([0, 0]);
  await world.end(a, b);
});

Deno.test("nobody is expelled because the API server was away for all", async () => {
  const world = new Gateways();
  const all = await world.joined("a", "b", "c");
  await world.pass(30_000);
  for (const outageMs of [20_000, 50_000, 100_000, 400_000]) {
    for (const gateway of all) gateway.isCut = true;
    await world.pass(outageMs);
    for (const { membership } of all) {
      expect(membership.isFresh).toBe(outageMs < 30_000);
      for (const other of all) expect(membership.isServing(other.membership.name, "m")).toBe(true);
    }
    // Not all find it at the same time.
    for (const gateway of all) {
      gateway.isCut = false;
      await world.pass(2_000);
    }
    await world.pass(70_000);
    for (const { membership, losses, writes } of all) {
      expect([membership.isFresh, losses]).toEqual([true, 0]);
      expect(writes.filter(({ method }) => method === "DELETE")).toEqual([]);
    }
  }
  await world.end(...all);
});

Deno.test("nobody is expelled by a gateway whose watch is dead and does not say so", async () => {
  const world = new Gateways();
  const a = world.add("a");
  let isSilent = true;
  world.server.intercept = ({ query }) =>
    isSilent && query.get("watch") ? new Response(new ReadableStream()) : undefined;
  a.membership.start();
  const b = world.add("b");
  await world.pass(10);
  isSilent = false;
  b.membership.start();
  await world.pass(10);
  // It is listed for an agreement, and known from there.
  const agreed = standing(a.membership.agreed("m", "t", never));
  await world.pass(100);
  expect([agreed.now, a.membership.isServing(b.membership.name, "m")]).toEqual(["waits", true]);
  b.membership.ack("m", "t", never);
  await world.pass(11_000);
  expect(agreed.now).toBe("done");
  await world.pass(130_000);
  expect(a.membership.isServing(b.membership.name, "m")).toBe(true);
  expect([b.losses, world.lease("b") !== undefined]).toEqual([0, true]);
  await world.end(a, b);
});

Deno.test("a gateway that was cut off is expelled, does not expel anybody itself, and begins anew", async () => {
  const world = new Gateways();
  const [a, b] = await world.joined("a", "b") as [Gateway, Gateway];
  b.membership.ack("m", "t", never);
  await world.pass(10);
  b.isCut = true;
  await world.pass(44_000);
  expect([b.membership.isFresh, a.membership.isServing(b.membership.name, "m")]).toEqual([
    true,
    true,
  ]);
  await world.pass(1_500);
  expect([b.membership.isFresh, a.membership.isServing(b.membership.name, "m")]).toEqual([
    false,
    true,
  ]);
  await world.pass(60_000);
  expect(a.membership.isServing(b.membership.name, "m")).toBe(false);
  expect(b.membership.isServing(a.membership.name, "m")).toBe(true);
  b.isCut = false;
  await world.pass(20_000);
  expect([b.membership.isFresh, b.losses]).toEqual([true, 1]);
  expect(b.lines.join("\n")).toMatch(/taken away/);
  expect(a.membership.isServing(b.membership.name, "m")).toBe(true);
  // What it had agreed to was for its old Lease.
  const agreed = standing(a.membership.agreed("m", "t", never));
  await world.pass(100_000);
  expect([agreed.now, a.losses]).toEqual(["waits", 0]);
  await world.end(a, b);
});

Deno.test("a gateway that renews while it is being expelled stays", async () => {
  const world = new Gateways();
  const [a, b] = await world.joined("a", "b") as [Gateway, Gateway];
  b.isCut = true;
  world.server.intercept = ({ method, path }) => {
    if (method !== "DELETE" || path !== leasePath("b")) return undefined;
    world.server.put(path, { ...world.lease("b"), metadata: { ...world.lease("b").metadata } });
    world.server.intercept = () => undefined;
    return undefined;
  };
  await world.pass(70_000);
  expect(a.membership.isServing(b.membership.name, "m")).toBe(true);
  await world.pass(55_000);
  expect(a.membership.isServing(b.membership.name, "m")).toBe(false);
  await world.end(a);
});

Deno.test("a gateway that cannot be expelled as it was seen has a whole Lease more", async () => {
  const world = new Gateways();
  const [a, b] = await world.joined("a", "b") as [Gateway, Gateway];
  b.kill();
  world.server.intercept = ({ method }) => {
    if (method !== "DELETE") return undefined;
    world.server.intercept = () => undefined;
    return failure(409, "Conflict", "the object has been modified");
  };
  await world.pass(118_000);
  expect(a.membership.isServing(b.membership.name, "m")).toBe(true);
  await world.pass(5_000);
  expect(a.membership.isServing(b.membership.name, "m")).toBe(false);
  await world.end(a);
});

Deno.test("a gateway that comes again while it is being expelled is there", async () => {
  const world = new Gateways();
  const [a, b] = await world.joined("a", "b") as [Gateway, Gateway];
  b.kill();
  const { labels } = world.lease("b").metadata;
  world.server.intercept = ({ method, path }) => {
    if (method !== "DELETE") return undefined;
    world.server.delete(path);
    world.server.put(path, { metadata: { labels }, spec: {} });
    return new Promise((answer) => void world.clock.timer(500, () => answer(Response.json({}))));
  };
  await world.pass(70_000);
  expect(a.membership.isServing(b.membership.name, "m")).toBe(true);
  await world.end(a);
});

Deno.test("a gateway that left while it was listed does not come back by that list", async () => {
  const world = new Gateways();
  const [a, b] = await world.joined("a", "b") as [Gateway, Gateway];
  const items = [world.lease("b")];
  world.server.intercept = ({ method, query }) => {
    if (method !== "GET" || query.get("watch")) return undefined;
    world.server.intercept = () => undefined;
    return new Promise((answer) =>
      void world.clock.timer(500, () => answer(Response.json({ metadata: {}, items })))
    );
  };
  const agreed = standing(a.membership.agreed("m", "t", never));
  await world.pass(10);
  expect(world.clock.nextMs).toBeLessThan(600);
  await world.end(b);
  expect([agreed.now, a.membership.isServing(b.membership.name, "m")]).toEqual(["done", false]);
  await world.end(a);
});

Deno.test("a gateway that may not delete says so once, and goes on waiting", async () => {
  const world = new Gateways();
  const [a, b] = await world.joined("a", "b") as [Gateway, Gateway];
  world.server.intercept = ({ method }) =>
    method === "DELETE" ? failure(403, "Forbidden", "cannot delete leases") : undefined;
  b.kill();
  await world.pass(180_000);
  expect(a.membership.isServing(b.membership.name, "m")).toBe(true);
  expect(a.lines.filter((line) => line.includes("cannot delete leases")).length).toBe(1);
  expect(a.writes.filter(({ method }) => method === "DELETE").length).toBeLessThan(30);
  await world.end(a);
});

Deno.test("agreed() waits for one that came again, and not for one that left", async () => {
  const world = new Gateways();
  const [a, b, c] = await world.joined("a", "b", "c") as [Gateway, Gateway, Gateway];
  const agreed = standing(a.membership.agreed("m", "t", never));
  await world.pass(10);
  b.kill();
  const { labels } = world.lease("b").metadata;
  world.server.delete(leasePath("b"));
  world.server.put(leasePath("b"), { metadata: { labels }, spec: {} });
  const again = world.add("b");
  again.membership.start();
  await c.membership.leave();
  await world.pass(2_000);
  expect(agreed.now).toBe("waits");
  again.membership.ack("m", "t", never);
  await world.pass(10);
  expect(agreed.now).toBe("done");
  await world.end(a, again);
});

Deno.test("agreed() reads anew: who came a moment ago is waited for", async () => {
  const world = new Gateways();
  const [a] = await world.joined("a") as [Gateway];
  // Its watch has not heard of it yet.
  const b = world.add("b");
  let isSilent = true;
  world.server.intercept = ({ query }) =>
    isSilent && query.get("watch") ? new Response(new ReadableStream()) : undefined;
  world.server.endWatches("end");
  await world.pass(10);
  isSilent = false;
  b.membership.start();
  await world.pass(10);
  expect(a.membership.isServing(b.membership.name, "m")).toBe(false);
  const agreed = standing(a.membership.agreed("m", "t", never));
  await world.pass(500);
  expect(agreed.now).toBe("waits");
  await world.end(b);
  await world.pass(11_000);
  expect(agreed.now).toBe("done");
  await world.end(a);
});

Deno.test("agreed() of many models at once costs each gateway one write, and the asker few reads", async () => {
  const world = new Gateways();
  const [a, b] = await world.joined("a", "b") as [Gateway, Gateway];
  const [lists, writes] = [a.lists.length, b.writes.length];
  const all = Array.from(
    { length: 100 },
    (_, i) => standing(a.membership.agreed("m", `t${i}`, never)),
  );
  await world.pass(10);
  for (let i = 0; i < 100; i++) b.membership.ack(`m${i}`, `t${i}`, never);
  await world.pass(10);
  expect(all.map(({ now }) => now)).toEqual(Array(100).fill("done"));
  expect([a.lists.length - lists, b.writes.length - writes]).toEqual([1, 1]);
  await world.end(a, b);
});

Deno.test("agreed() asks again while the API server is away, and leaves when told", async () => {
  const world = new Gateways();
  const [a, b] = await world.joined("a", "b") as [Gateway, Gateway];
  a.isCut = true;
  const enough = new AbortController();
  const gaveUp = standing(a.membership.agreed("m", "t", enough.signal));
  const agreed = standing(a.membership.agreed("m", "t", never));
  await world.pass(5_000);
  enough.abort(new Error("a request came"));
  b.membership.ack("m", "t", never);
  await world.pass(10);
  expect([gaveUp.now, agreed.now]).toEqual(["a request came", "waits"]);
  a.isCut = false;
  await world.pass(3_000);
  expect(agreed.now).toBe("done");
  await world.end(a, b);
  const late = standing(a.membership.agreed("m", "t", never));
  await world.pass(10);
  expect(late.now).toBe("the gateway leaves");
});
