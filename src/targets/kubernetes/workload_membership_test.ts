/** What gateways do to each other's models when operators steer them and configs change, in virtual time. */
import { expect } from "expect";
import { GatewayGroup, MINUTE } from "../../testing/gateway_group.ts";

Deno.test("what another gateway uses is not put to sleep for being asked, and is for insisting, at its last byte", async () => {
  await using pair = await GatewayGroup.create();
  const { world: { clock }, models: [a, b] } = pair;
  const permit = await pair.admit(b!);
  expect(await pair.outcome(a!.steering.sleep("now"))).toBe(
    "Model 'm' is not put to sleep: another gateway keeps it up",
  );
  await clock.advance(1_000);
  expect([pair.states, pair.replicas]).toEqual([["idle", "active"], 1]);
  expect(await pair.outcome(a!.steering.sleep("force"))).toBe("done");
  await clock.advance(30_000);
  expect([pair.states, pair.replicas]).toEqual([["stopping", "stopping"], 1]);
  // Held at the other as well, it wakes it again.
  const { signal } = new AbortController();
  const waiting = Promise.resolve(b!.admit({ signal }));
  permit[Symbol.dispose]();
  await clock.advance(10_000);
  (await waiting)[Symbol.dispose]();
  // Also the one that put it to sleep knows that it is up again.
  expect(pair.states).toEqual(["idle", "idle"]);
  const { calls } = pair.world.server;
  const written = calls.filter(({ path }) => path.endsWith("/scale")).map(({ body }) =>
    body.spec.replicas
  );
  expect(written).toEqual([1, 0, 1]);
});

Deno.test("a model that was used lately elsewhere is put to sleep when somebody asks", async () => {
  await using pair = await GatewayGroup.create();
  const { world: { clock }, models: [a, b] } = pair;
  (await pair.admit(b!))[Symbol.dispose]();
  await clock.advance(2_000);
  expect(await pair.outcome(a!.steering.sleep("now"))).toBe("done");
  await clock.advance(5_000);
  expect([pair.states, pair.replicas]).toEqual([["asleep", "asleep"], 0]);
});

// The zero came under the gate of the new one, which was serving by then.
Deno.test("a forced sleep ends with a reload of its model's target, and cuts nothing of its successor", async () => {
  await using group = await GatewayGroup.create({ gateways: 1 });
  const { world: { clock, cluster }, activators: [activator] } = group;
  const old = group.models[0]!;
  const first = await group.admit(old);
  await group.outcome(old.steering.sleep("force"));
  const waiting = group.request(old);
  await clock.advance(500);
  activator!.replace(group.spec({ connectTimeoutMs: 3_000 }));
  const next = group.models[0]!;
  const second = await group.admit(next);
  let inFlight: number | undefined;
  group.world.onSleep = () => inFlight ??= next.demand.inFlight;
  first[Symbol.dispose]();
  await clock.advance(10_000);
  expect([waiting.permit !== undefined, inFlight]).toEqual([true, undefined]);
  expect(cluster.podAt(second.endpoint)?.state).toBe("ready");
});

// The end of the old target took away what the new one had said: nobody waited for this gateway any more.
Deno.test("a model that is replaced while it answers is still served in the eyes of the others", async () => {
  await using group = await GatewayGroup.create();
  const { world: { clock, cluster }, activators: [a] } = group;
  const first = await group.admit(group.models[0]!);
  a!.replace(group.spec({ connectTimeoutMs: 3_000 }));
  await clock.advance(3_000);
  first[Symbol.dispose]();
  await clock.advance(MINUTE);
  const flying = await group.admit(group.models[0]!);
  await group.outcome(group.models[1]!.steering.sleep("force"));
  await clock.advance(20_000);
  expect([group.states, group.replicas]).toEqual([["stopping", "stopping"], 1]);
  expect(cluster.podAt(flying.endpoint)?.state).toBe("ready");
});

for (const mode of ["now", "force"] as const) {
  Deno.test(`an old target that still answers keeps a model up that another gateway wants down: ${mode}`, async () => {
    // No metrics: nobody could see that answer.
    const engine = { name: "ollama", healthPath: "/health" };
    await using group = await GatewayGroup.create({ spec: { engine } as never });
    const { world: { clock, cluster }, activators: [, b] } = group;
    const first = await group.admit(group.models[1]!);
    b!.replace(group.spec({ connectTimeoutMs: 3_000 }));
    await clock.advance(5_000);
    void group.outcome(group.models[0]!.steering.sleep(mode));
    await clock.advance(20_000);
    expect(cluster.podAt(first.endpoint)?.state).toBe("ready");
    first[Symbol.dispose]();
  });
}

// It stood for as long as that gateway lived: every request waited ten minutes, then failed.
Deno.test("an announcement does not outlive its gateway's having the model", async () => {
  await using group = await GatewayGroup.create();
  const { world: { clock }, activators: [a], models: [first, other] } = group;
  const flying = await group.admit(other!);
  await group.outcome(first!.steering.sleep("force"));
  await clock.advance(1_000);
  expect(other!.state).toBe("stopping");
  a!.remove("m");
  await clock.advance(100);
  flying[Symbol.dispose]();
  await clock.advance(10_000);
  (await group.admit(other!))[Symbol.dispose]();
  await clock.advance(20 * MINUTE);
  expect([group.states, group.replicas]).toEqual([["asleep"], 0]);
});

// The slice of endpoints is a moment behind the pod: its URL was not among those that are not to be trusted.
Deno.test("who waits through a forced sleep of a model that wakes is not sent to the pod that goes", async () => {
  for (const lagMs of [0, 300, 1_000]) {
    await using group = await GatewayGroup.create({ gateways: 1 });
    const { world: { clock, cluster, server }, models: [m] } = group;
    cluster.pace = { ...cluster.pace, graceMs: () => 30_000, loadMs: () => 5_000 };
    const put = server.put.bind(server);
    server.put = (path, object) => {
      if (!path.includes("endpointslices") || lagMs === 0) return put(path, object);
      clock.timer(lagMs, () => put(path, object));
      return object;
    };
    const waiting = group.request(m!);
    await group.world.until(() => cluster.of("m").some(({ state }) => state === "ready"));
    void group.outcome(m!.steering.sleep("force"));
    await group.world.until(() => waiting.permit !== undefined);
    const pod = cluster.podAt(waiting.permit!.endpoint);
    expect([lagMs, pod?.state, pod?.isStoppedByGateway]).toEqual([lagMs, "ready", false]);
    waiting.permit![Symbol.dispose]();
  }
});

// All gateways held everybody for ten minutes, and then it was up as before.
Deno.test("a model whose engine does not say how busy it is is forced to sleep after half a minute", async () => {
  await using group = await GatewayGroup.create();
  const { world: { clock, cluster }, models: [a, b] } = group;
  (await group.admit(a!))[Symbol.dispose]();
  await clock.advance(2_000);
  cluster.isMute = true;
  expect(await group.outcome(a!.steering.sleep("now"))).toMatch(
    /whether it is used cannot be told/,
  );
  await clock.advance(2_000);
  expect(await group.outcome(a!.steering.sleep("force"))).toBe("done");
  await clock.advance(20_000);
  expect(group.replicas).toBe(1);
  await clock.advance(20_000);
  expect([group.states, group.replicas]).toEqual([["asleep", "asleep"], 0]);
  cluster.isMute = false;
  (await group.admit(b!))[Symbol.dispose]();
});

Deno.test("what goes around the gateways is waited for when a sleep is forced", async () => {
  await using group = await GatewayGroup.create();
  const { world: { clock, cluster }, models: [a] } = group;
  const permit = await group.admit(a!);
  permit[Symbol.dispose]();
  await clock.advance(2_000);
  cluster.running.set(permit.endpoint, 1);
  await group.outcome(a!.steering.sleep("force"));
  await clock.advance(2 * MINUTE);
  expect(group.replicas).toBe(1);
  cluster.running.clear();
  await clock.advance(10_000);
  expect([group.states, group.replicas]).toEqual([["asleep", "asleep"], 0]);
});

Deno.test("a pin at one gateway wins over a sleep that another one was forced to", async () => {
  await using group = await GatewayGroup.create();
  const { world: { clock }, models: [a, b] } = group;
  const permit = await group.admit(a!);
  await group.outcome(a!.steering.sleep("force"));
  await clock.advance(1_000);
  expect(await group.outcome(b!.steering.pin(60 * MINUTE))).toBe("done");
  permit[Symbol.dispose]();
  await clock.advance(MINUTE);
  expect([group.states, group.replicas]).toEqual([["idle", "idle"], 1]);
});

// 10 zeros in two hours under somebody who asked every 20 s.
Deno.test("a gateway that cannot reach the pods does not stop them under users of another", async () => {
  await using group = await GatewayGroup.create();
  const { world: { clock, cluster }, models: [a, b] } = group;
  const reach = cluster.fetch;
  let zeros = 0;
  group.world.onSleep = () => void zeros++;
  (await group.admit(b!))[Symbol.dispose]();
  Object.assign(group.sides[0]!.kubernetes.options, {
    fetch: () => Promise.reject(new TypeError("no route")),
  });
  group.models[0]!.target.suspect("http://10.0.0.1:8000");
  expect(reach).toBeDefined();
  for (let n = 0; n < 60; n++) {
    (await group.admit(b!))[Symbol.dispose]();
    await clock.advance(20_000);
  }
  expect([zeros, a!.state !== "stopping"]).toEqual([0, true]);
});

Deno.test("a gateway whose config has the model disabled does not stop it under users of another", async () => {
  await using group = await GatewayGroup.create();
  const { world: { clock }, models: [a, b] } = group;
  let zeros = 0;
  group.world.onSleep = () => void zeros++;
  a!.update({ ...group.spec(), enabled: false }, group.spec());
  for (let n = 0; n < 60; n++) {
    (await group.admit(b!))[Symbol.dispose]();
    await clock.advance(20_000);
  }
  expect(zeros).toBe(0);
  // When nobody has used it for an idle timeout it goes.
  await clock.advance(10 * MINUTE);
  expect(group.replicas).toBe(0);
});
