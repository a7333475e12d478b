/** When a gateway may send: what it knows of itself after a pause, and when it is cut off. */
import { expect } from "expect";
import { failure } from "../../testing/fake_api_server.ts";
import { type Gateway, Gateways, leasePath } from "../../testing/gateways.ts";

const IDLE_MS = 600_000;

/** As after SIGSTOP and SIGCONT: time has gone by, and nothing has happened yet. */
function pause({ clock }: Gateways, ms: number): void {
  clock.jump(clock.nowMs() + ms);
}

Deno.test("a gateway that was paused for longer than the fence sends nothing until it has renewed", async () => {
  const world = new Gateways();
  const [a] = await world.joined("a") as [Gateway];
  expect(a.membership.isFenced).toBe(false);
  await world.pass(1_000);
  pause(world, 46_000);
  const { unfenced } = a;
  expect([a.membership.isFenced, a.membership.isFresh]).toEqual([true, false]);
  a.membership.claim("m", true, IDLE_MS);
  expect([a.membership.isFenced, a.unfenced - unfenced]).toEqual([true, 0]);
  await world.pass(10);
  expect([a.membership.isFenced, a.unfenced > unfenced, a.losses]).toEqual([false, true, 0]);
  await world.end(a);
  expect(a.membership.isFenced).toBe(true);
});

Deno.test("a gateway that was expelled while it was paused sends nothing before it has heard of that", async () => {
  const world = new Gateways();
  const [a] = await world.joined("a") as [Gateway];
  await world.pass(1_000);
  pause(world, 90_000);
  world.server.delete(leasePath("a"));
  const told: string[] = [];
  a.membership.listen({
    changed() {},
    lapsed: () => told.push("lapsed"),
    unfenced: () => told.push("unfenced"),
  });
  a.membership.claim("m", true, IDLE_MS);
  await world.pass(10);
  expect([a.membership.isFenced, told]).toEqual([false, ["lapsed", "unfenced"]]);
  await world.end(a);
});

Deno.test("a gateway that is cut off goes on sending, and stops for a moment when it was paused as well", async () => {
  const world = new Gateways();
  const [a] = await world.joined("a") as [Gateway];
  a.isCut = true;
  for (let i = 0; i < 300; i++) {
    await world.pass(1_000);
    expect([i, a.membership.isFenced]).toEqual([i, false]);
  }
  expect(a.membership.isFresh).toBe(false);
  pause(world, 46_000);
  expect(a.membership.isFenced).toBe(true);
  await world.pass(10_000);
  expect([a.membership.isFenced, a.membership.isFresh]).toEqual([false, false]);
  a.isCut = false;
  await world.pass(10_000);
  expect([a.membership.isFenced, a.membership.isFresh]).toEqual([false, true]);
  await world.end(a);
});

Deno.test("a gateway whose API server takes connections and says nothing goes on sending", async () => {
  const world = new Gateways();
  const [a] = await world.joined("a") as [Gateway];
  world.server.intercept = ({ method }) =>
    method === "GET" ? undefined : new Promise<Response>(() => {});
  for (let i = 0; i < 300; i++) {
    await world.pass(1_000);
    expect([i, a.membership.isFenced]).toEqual([i, false]);
  }
  await world.end(a);
});

Deno.test("a gateway that may not have a Lease is not fenced", async () => {
  const world = new Gateways();
  world.server.intercept = ({ method }) =>
    method === "GET" ? undefined : failure(403, "Forbidden", "no right");
  const [a] = await world.joined("a") as [Gateway];
  await world.pass(300_000);
  expect([a.membership.isFenced, a.membership.refusal]).toEqual([false, "no right"]);
  pause(world, 46_000);
  expect(a.membership.isFenced).toBe(false);
  await world.end(a);
});

Deno.test("a write that fails after a pause says nothing of the time after it", async () => {
  const world = new Gateways();
  const [a] = await world.joined("a") as [Gateway];
  const answers: ((answer: Response) => void)[] = [];
  world.server.intercept = ({ method }) =>
    method === "PATCH" ? new Promise((answer) => answers.push(answer)) : undefined;
  a.membership.claim("m", true, IDLE_MS);
  await world.pass(2_500);
  expect(answers.length).toBe(1);
  pause(world, 60_000);
  answers[0]!(failure(500, "InternalError", "from before"));
  await world.clock.advance(0);
  expect(a.membership.isFenced).toBe(true);
  world.server.intercept = () => undefined;
  await world.pass(10_000);
  expect(a.membership.isFenced).toBe(false);
  await world.end(a);
});
