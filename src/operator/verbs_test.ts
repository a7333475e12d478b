/** What operators do with a model, as requests. */
import { expect } from "expect";
import { operatorWorld } from "../testing/operator_world.ts";

Deno.test("operators put a model to sleep, and are told why it stays up", async () => {
  const { clock, steer, specs, activator } = operatorWorld();
  await clock.advance(1_000);
  const of = async (asked: Promise<Response>) => {
    await clock.advance(1_000);
    const { status, ...response } = await asked.then(async (response) => ({
      ...{ status: response.status, ...await response.json() },
    }));
    return [status, response.error?.message ?? response.state];
  };
  await of(steer("m/wake"));
  await clock.advance(5_000);
  expect(await of(steer("m/sleep"))).toEqual([202, "stopping"]);
  await of(steer("m/wake"));
  await clock.advance(5_000);
  const { signal } = new AbortController();
  const permit = await activator.find("m")!.admit({ signal });
  expect(await of(steer("m/sleep"))).toEqual([
    409,
    "Model 'm' is not put to sleep: it is in use: 1 in flight, 0 waiting (force it: they end first)",
  ]);
  expect(await of(steer("m/sleep?force=true"))).toEqual([202, "stopping"]);
  permit[Symbol.dispose]();
  await clock.advance(5_000);
  expect(activator.find("m")!.state).toBe("asleep");
  expect(await of(steer("m/pin?for=90m"))).toEqual([202, "waking"]);
  await clock.advance(5_000);
  expect(await of(steer("m/sleep"))).toEqual([
    409,
    "Model 'm' is not put to sleep: it is pinned: unpin it first",
  ]);
  expect(await of(steer("m/unpin"))).toEqual([202, "idle"]);
  for (const text of ["5", "0s", "721h", "never", "long"]) {
    expect([text, ...await of(steer(`m/pin?for=${text}`))]).toEqual([
      ...[text, 400, expect.stringMatching(/^Cannot pin for so long: .*\d+(h|m|ms)\b/)],
    ]);
  }
  Object.assign(specs[0]!, { scale: { kind: "external" } });
  expect(await of(steer("m/sleep"))).toEqual([
    409,
    "Model 'm' is external: it is never put to sleep",
  ]);
});
