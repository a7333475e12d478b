import { expect } from "expect";
import { type Observation, UNMEASURED } from "../activator/scale_target.ts";
import { createExternalTarget } from "./external.ts";

const never = new AbortController().signal;

Deno.test("an external upstream is ready whatever is asked of it", async () => {
  const target = createExternalTarget("http://up:1");
  const news: Observation[] = [];
  target.subscribe({ saw: (each) => news.push(each), failed: () => expect("it").toBe("no wake") });
  const ready = { workload: { phase: "ready", endpoints: ["http://up:1"] }, asOf: 0 };
  expect(await target.look(never)).toEqual(ready);
  for (const command of ["wake", "sleep"] as const) {
    expect(await target[command](never)).toEqual({ outcome: "done", fence: 0 });
    expect(news.pop()).toEqual(ready);
  }
  target.suspect("http://up:1");
  expect(news).toEqual([]);
  expect(await target.look(never)).toEqual(ready);
  expect(await target.measure(never)).toBe(UNMEASURED);
  await target.close();
  await target.wake(never);
  expect(news).toEqual([]);
});
