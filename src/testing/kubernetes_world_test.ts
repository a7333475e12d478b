/** A gateway that is killed at any moment, and one that loses its API server: over a virtual cluster. */
import { expect } from "expect";
import { Activation } from "../activator/activation.ts";
import { silentLog as log } from "../telemetry/log.ts";
import { type GatewaySide, KubernetesWorld } from "./kubernetes_world.ts";
import { settle } from "./virtual_clock.ts";

const MINUTE = 60_000;
const POLICY = {
  idleTimeoutMs: 5 * MINUTE,
  coldStartTimeoutMs: 10 * MINUTE,
  retryAfterMaxMs: 5 * MINUTE,
  enabled: true,
};
const LIMITS = { pendingMax: 64, inFlightMax: 0, pendingTimeoutMs: MINUTE };

function activate({ clock }: KubernetesWorld, gateway: GatewaySide): Activation {
  const target = gateway.target("m");
  return new Activation({ model: "m", target, policy: POLICY, limits: LIMITS, clock, log });
}

/** Where a request went, undefined while it waits; it is answered in no time. */
function request({ cluster }: KubernetesWorld, activation: Activation): { pod?: string } {
  const sent: { pod?: string } = {};
  Promise.try(() => activation.admit({ signal: new AbortController().signal })).then((permit) => {
    const pod = cluster.podAt(permit.endpoint);
    sent.pod = !pod ? "refused" : pod.isStoppedByGateway ? "stopped" : "answered";
    permit[Symbol.dispose]();
  }, (error: Error) => sent.pod = error.message);
  return sent;
}

/** A life from zero to zero, with one request, cut off at its call number `kill`; its calls. */
async function life(world: KubernetesWorld, kill?: { n: number; when: "onCall" | "onDone" }) {
  const gateway = world.gateway();
  const { weather } = gateway;
  const calls: string[] = [];
  weather.onCall = (_, method, path) => calls.push(`${method} ${path.split("/").at(-1)}`);
  if (kill) {
    const before = weather[kill.when] as (...args: unknown[]) => void;
    weather[kill.when] = (n: number, ...rest: unknown[]) => {
      before(n, ...rest);
      if (n === kill.n) weather.isCut = true;
    };
  }
  const activation = activate(world, gateway);
  request(world, activation);
  for (let s = 0; s < 20 * 60 && !weather.isCut; s++) await world.clock.advance(1_000);
  await settle(200);
  return { activation, gateway, calls };
}

async function world(): Promise<KubernetesWorld> {
  const world = new KubernetesWorld();
  world.cluster.create("m");
  await world.clock.advance(1_000);
  return world;
}

function isAtRest({ cluster }: KubernetesWorld): boolean {
  return cluster.replicas("m") === 0 && cluster.of("m").length === 0;
}

Deno.test("a gateway that is killed at any of its calls leaves nothing running, and stops nothing warm", async (t) => {
  const calm = await world();
  const { calls, activation } = await life(calm);
  expect(activation.state).toBe("asleep");
  expect(calls.filter((call) => call === "PATCH scale")).toHaveLength(2);
  expect(calls.length).toBeGreaterThan(12);
  // Not all of them are of the way down: a watch is resumed every few minutes.
  const last = calls.lastIndexOf("PATCH scale") + 2;
  for (const when of ["onCall", "onDone"] as const) {
    for (let n = 1; n <= last; n++) {
      const what = `killed ${when === "onCall" ? "before" : "after"} call ${n}, ${calls[n - 1]}`;
      await t.step(what, () => restart({ n, when }));
    }
  }
});

async function restart(kill: { n: number; when: "onCall" | "onDone" }): Promise<void> {
  for (const isWanted of [false, true]) {
    const after = await world();
    const { gateway } = await life(after, kill);
    expect(gateway.weather.isCut).toBe(true);
    const startMs = after.clock.nowMs();
    let wroteZeroMs = Infinity;
    after.onSleep = () => wroteZeroMs = Math.min(wroteZeroMs, after.clock.nowMs());
    const next = activate(after, after.gateway());
    const sent = isWanted ? request(after, next) : undefined;
    await after.clock.advance(4 * MINUTE);
    if (sent) expect(sent.pod).toBe("answered");
    await after.clock.advance(30 * MINUTE);
    expect([next.state, isAtRest(after)]).toEqual(["asleep", true]);
    // Whatever it found up had a whole idle timeout.
    expect(wroteZeroMs - startMs).toBeGreaterThanOrEqual(POLICY.idleTimeoutMs);
  }
}

Deno.test("a black hole of ten minutes: warm goes on, nothing is put to sleep, and all is noticed after it", async () => {
  const hole = await world();
  const { clock, cluster } = hole;
  const gateway = hole.gateway();
  const activation = activate(hole, gateway);
  request(hole, activation);
  await clock.advance(MINUTE);
  expect(activation.state).toBe("idle");
  let zeros = 0;
  hole.onSleep = () => zeros++;

  gateway.weather.isBlackHole = true;
  for (let minute = 0; minute < 3; minute++) {
    const sent = request(hole, activation);
    await clock.advance(MINUTE);
    expect(sent.pod).toBe("answered");
  }
  // Quiet for longer than the idle timeout, and the gate is open all the same.
  await clock.advance(6 * MINUTE);
  expect([activation.state, zeros, cluster.replicas("m")]).toEqual(["idle", 0, 1]);
  const sent = request(hole, activation);
  await settle();
  expect(sent.pod).toBe("answered");
  // Somebody who can reach the API server scales it.
  cluster.scale("m", 2);
  await clock.advance(MINUTE);

  gateway.weather.isBlackHole = false;
  await clock.advance(MINUTE);
  const pods = new Set<string>();
  for (let i = 0; i < 2; i++) {
    const permit = await activation.admit({ signal: new AbortController().signal });
    pods.add(permit.endpoint);
  }
  expect(pods.size).toBe(2);
  await activation.close();
  await hole.over(gateway.kubernetes.close());
});

Deno.test("with the API server away cold requests wait, and are served once it is back", async () => {
  const away = await world();
  const { clock } = away;
  const gateway = away.gateway();
  const activation = activate(away, gateway);
  await clock.advance(MINUTE);
  expect(activation.state).toBe("asleep");
  gateway.weather.isDown = true;
  const [patient, late] = [request(away, activation), { pod: undefined as string | undefined }];
  Promise.try(() => activation.admit({ signal: new AbortController().signal, timeoutMs: MINUTE }))
    .catch((error: Error) => late.pod = error.message);
  await clock.advance(3 * MINUTE);
  expect(patient.pod).toBe(undefined);
  expect(late.pod).toMatch(/not ready within the 60 s/);
  gateway.weather.isDown = false;
  await clock.advance(MINUTE);
  expect(patient.pod).toBe("answered");
  await clock.advance(10 * MINUTE);
  expect([activation.state, isAtRest(away)]).toEqual(["asleep", true]);
});

Deno.test("engines that do not say how busy they are are counted, and kept up until they do", async () => {
  const one = await world();
  const gateway = one.gateway();
  const activation = activate(one, gateway);
  one.cluster.isMute = true;
  request(one, activation);
  await one.clock.advance(30 * MINUTE);
  expect(activation.state).toBe("idle");
  expect(gateway.unread.length).toBeGreaterThan(3);
  expect(new Set(gateway.unread)).toEqual(new Set(["m"]));
  const { length } = gateway.unread;
  one.cluster.isMute = false;
  await one.clock.advance(15 * MINUTE);
  expect([activation.state, gateway.unread.length]).toEqual(["asleep", length]);
  await one.over(activation.close());
  await one.over(gateway.kubernetes.close());
  one.close();
});
