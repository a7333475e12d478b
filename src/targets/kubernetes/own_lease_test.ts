/** A gateway's own Lease, and what may happen to it. */
import { expect } from "expect";
import { failure } from "../../testing/fake_api_server.ts";
import { type Gateway, Gateways, leasePath, standing } from "../../testing/gateways.ts";

const IDLE_MS = 600_000;
const never = new AbortController().signal;

Deno.test("a restart under the same name takes the old Lease over, without its acks and claims", async () => {
  const world = new Gateways();
  const [old] = await world.joined("a") as [Gateway];
  old.membership.claim("m", true, IDLE_MS);
  old.membership.ack("m", "t", never);
  await world.pass(10);
  expect(world.lease("a").metadata.annotations["vllm-autoscaler/acks"]).toBe('{"m":"t"}');
  const { uid } = world.lease("a").metadata;
  old.kill();
  const [a] = await world.joined("a") as [Gateway];
  expect(world.lease("a").metadata).toMatchObject({
    annotations: { "vllm-autoscaler/acks": "{}", "vllm-autoscaler/claims": "{}" },
    uid,
  });
  expect([a.membership.isFresh, a.losses, a.membership.name])
    .toEqual([true, 0, old.membership.name]);
  // It was seen as it was: the write insists on that.
  expect(a.writes.map(({ method }) => method)).toEqual(["POST", "PATCH"]);
  expect(a.writes[1]!.body.metadata.resourceVersion).toMatch(/^\d+$/);
  await world.end(a);
});

Deno.test("a Lease that somebody deletes is made again at once, and every gate is told", async () => {
  const world = new Gateways();
  const [a, b] = await world.joined("a", "b") as [Gateway, Gateway];
  a.membership.claim("m", true, IDLE_MS);
  a.membership.ack("m", "t", never);
  await world.pass(3_000);
  world.server.delete(leasePath("a"));
  await world.pass(10);
  expect([a.losses, a.membership.isFresh, b.losses]).toEqual([1, true, 0]);
  // What it says itself is no news to it.
  expect([a.membership.claimsOf("m"), a.news]).toEqual([[], 1]);
  expect(world.lease("a").metadata.annotations).toMatchObject({
    "vllm-autoscaler/acks": "{}",
    "vllm-autoscaler/claims": '{"m":"in use"}',
  });
  expect(b.membership.claimsOf("m")[0]).toEqual({ isInUse: true, quietMs: 0 });
  const again = standing(a.membership.ack("m", "t", never));
  await world.pass(10);
  expect(again.now).toBe("done");
  await world.end(a, b);
});

Deno.test("a gateway is not fresh between the loss of its Lease and the news of it", async () => {
  const world = new Gateways();
  const a = world.add("a");
  const { membership } = a;
  membership.start();
  await world.pass(10);
  world.server.intercept = ({ method }) =>
    method === "POST" ? failure(500, "InternalError", "etcd is full") : undefined;
  world.server.delete(leasePath("a"));
  await world.pass(10);
  expect(membership.isFresh).toBe(false);
  const joined = standing(membership.serving("m", never));
  await world.pass(2_000);
  expect(joined.now).toBe("waits");
  world.server.intercept = () => undefined;
  await world.pass(10_000);
  expect([joined.now, membership.isFresh]).toEqual(["done", true]);
  await world.end(a);
});

Deno.test("a gateway is not fresh once its writes fail for 45 s, says so once, and is again", async () => {
  const world = new Gateways();
  const [a] = await world.joined("a") as [Gateway];
  await world.pass(60_000);
  let down = true;
  world.server.intercept = ({ method }) =>
    down && method === "PATCH" ? failure(500, "InternalError", "no leader") : undefined;
  await world.pass(21_000);
  expect(a.membership.isFresh).toBe(true);
  await world.pass(25_000);
  expect(a.membership.isFresh).toBe(false);
  const before = a.writes.length;
  await world.pass(600_000);
  expect(a.writes.length - before).toBeLessThan(200);
  down = false;
  await world.pass(8_000);
  expect([a.membership.isFresh, a.losses]).toEqual([true, 0]);
  expect(a.lines.flatMap((line) => /Lease (.*?written)/.exec(line)?.[0] ?? []))
    .toEqual(["Lease cannot be written", "Lease is written"]);
  await world.end(a);
});

Deno.test("a write counts from its beginning, however late its answer", async () => {
  const world = new Gateways();
  const a = world.add("a");
  const { membership } = a;
  world.server.intercept = ({ method }) => {
    if (method !== "POST") return undefined;
    return new Promise((answer) =>
      void world.clock.timer(9_000, () => {
        answer(Response.json(world.server.put(leasePath("a"), { metadata: {}, spec: {} })));
      })
    );
  };
  membership.start();
  await world.pass(9_500);
  expect(membership.isFresh).toBe(true);
  world.server.intercept = () => failure(500, "InternalError", "no leader");
  await world.pass(35_000);
  expect([membership.isFresh, world.clock.nowMs()]).toEqual([true, 44_500]);
  await world.pass(500);
  expect(membership.isFresh).toBe(false);
  await world.end(a);
});

Deno.test("a gateway whose machine was suspended is not fresh, and renews for the next request", async () => {
  const world = new Gateways();
  const [a] = await world.joined("a") as [Gateway];
  const { clock } = world;
  // Only the clock on the wall has gone on.
  clock.wallMs = () => clock.epochMs + clock.nowMs() + 300_000;
  expect(a.membership.isFresh).toBe(false);
  a.membership.claim("m", true, IDLE_MS);
  a.membership.claim("m", true, IDLE_MS);
  await world.pass(10);
  expect([a.membership.isFresh, a.losses, a.writes.length]).toEqual([true, 0, 2]);
  // Set back, it says nothing; ours does.
  clock.wallMs = () => clock.epochMs;
  expect(a.membership.isFresh).toBe(true);
  await world.end(a);
});

Deno.test("a Lease that somebody else has written is written over; its owner has lost nothing", async () => {
  const world = new Gateways();
  const [a, b] = await world.joined("a", "b") as [Gateway, Gateway];
  const { metadata, spec } = world.lease("a");
  const labels = { ...metadata.labels, team: "x" };
  world.server.put(leasePath("a"), { metadata: { ...metadata, labels }, spec });
  await world.pass(10);
  const acked = standing(a.membership.ack("m", "t", never));
  await world.pass(10);
  expect([acked.now, a.losses, a.membership.isFresh]).toEqual(["done", 0, true]);
  await world.end(a, b);
});

Deno.test("a write without an answer may have been done, and is no loss", async () => {
  const world = new Gateways();
  const [a] = await world.joined("a") as [Gateway];
  const acked = standing(a.membership.ack("m", "t", never));
  world.server.intercept = ({ method, path, body }) => {
    if (method !== "PATCH") return undefined;
    const { metadata } = world.lease("a");
    const annotations = { ...metadata.annotations, ...body.metadata.annotations };
    world.server.put(path, { metadata: { ...metadata, annotations }, spec: body.spec });
    world.server.intercept = () => undefined;
    throw new TypeError("connection reset");
  };
  await world.pass(100);
  expect(acked.now).toBe("waits");
  await world.pass(2_000);
  expect([acked.now, a.losses]).toEqual(["done", 0]);
  await world.end(a);
});

Deno.test("two processes that call themselves the same have two Leases in the end", async () => {
  const world = new Gateways();
  const [a] = await world.joined("a") as [Gateway];
  const [twin] = await world.joined("a") as [Gateway];
  await world.pass(1_000);
  expect(twin.membership.name).toBe("vllm-autoscaler-a");
  expect(a.membership.name).toMatch(/^vllm-autoscaler-a-[0-9a-f]{8}$/);
  expect([a.losses, twin.losses]).toEqual([1, 0]);
  const before = a.writes.length + twin.writes.length;
  await world.pass(60_000);
  expect(a.writes.length + twin.writes.length - before).toBeLessThanOrEqual(6);
  expect([a, twin].map(({ membership }) => membership.isFresh)).toEqual([true, true]);
  expect(a.membership.isServing(twin.membership.name, "m")).toBe(true);
  await world.end(a, twin);
});

Deno.test("an ack that is given up is not written later, and a newer one takes its place", async () => {
  const world = new Gateways();
  const [a] = await world.joined("a") as [Gateway];
  a.isCut = true;
  await world.pass(1_000);
  const enough = new AbortController();
  const gaveUp = standing(a.membership.ack("m", "t1", enough.signal));
  const older = standing(a.membership.ack("n", "t2", never));
  const newer = standing(a.membership.ack("n", "t3", never));
  await world.pass(100);
  enough.abort(new Error("a request came"));
  await world.pass(100);
  expect([gaveUp.now, newer.now]).toEqual(["a request came", "waits"]);
  expect(older.now).toMatch(/asked anew/);
  a.isCut = false;
  await world.pass(10_000);
  expect(newer.now).toBe("done");
  expect(world.lease("a").metadata.annotations["vllm-autoscaler/acks"]).toBe('{"n":"t3"}');
  await world.end(a);
});

Deno.test("leave() deletes the Lease, ends all that waits, and gives up when nobody answers", async () => {
  const world = new Gateways();
  const [a, b] = await world.joined("a", "b") as [Gateway, Gateway];
  const waits = standing(b.membership.agreed("m", "t", never));
  await world.pass(10);
  const left = standing(a.membership.leave());
  await world.pass(10);
  expect([left.now, world.lease("a")]).toEqual(["done", undefined]);
  expect([waits.now, b.membership.isServing(a.membership.name, "m")]).toEqual(["done", false]);
  a.membership.claim("m", true, IDLE_MS);
  const late = standing(a.membership.ack("m", "t", never));
  await world.pass(60_000);
  expect([late.now, world.lease("a")]).toEqual(["the gateway leaves", undefined]);
  world.server.intercept = () => new Promise(() => {});
  const stuck = standing(b.membership.leave());
  await world.pass(1_900);
  expect(stuck.now).toBe("waits");
  await world.pass(200);
  expect(stuck.now).toBe("done");
  const unborn = world.add("c");
  await unborn.membership.leave();
  unborn.membership.start();
  await world.pass(10);
  expect([unborn.writes, world.clock.timers]).toEqual([[], 0]);
});

Deno.test("leave() leaves the Lease of a process that has taken it over", async () => {
  const world = new Gateways();
  const [a] = await world.joined("a") as [Gateway];
  const { metadata, spec } = world.lease("a");
  world.server.put(leasePath("a"), { metadata, spec: { ...spec, holderIdentity: "a_2" } });
  await world.end(a);
  expect(world.lease("a").spec.holderIdentity).toBe("a_2");
});

Deno.test("leave() deletes a Lease whose last write was not answered", async () => {
  const world = new Gateways();
  const [a] = await world.joined("a") as [Gateway];
  world.server.intercept = ({ method, path }) => {
    if (method !== "PATCH") return undefined;
    world.server.put(path, world.lease("a"));
    return new Promise(() => {});
  };
  a.membership.ack("m", "t", never).catch(() => {});
  await world.pass(10);
  await world.end(a);
  expect(world.lease("a")).toBe(undefined);
});
