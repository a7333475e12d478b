import { expect } from "expect";
import { initialState, type State, type StateName } from "../activator/state.ts";
import { VirtualClock } from "../testing/virtual_clock.ts";
import { Journal } from "./journal.ts";

function world() {
  const clock = new VirtualClock();
  const journal = new Journal(clock);
  let was: State = initialState(clock.nowMs());
  const go = (name: StateName, reason: string = name) => {
    const state = { ...was, name, reason, sinceMs: clock.nowMs(), phases: [] } as unknown as State;
    journal.changed("m", state, was);
    was = state;
  };
  const states = () => journal.history("m").changes.map(({ state }) => state);
  return { clock, journal, go, states };
}

const HOUR_MS = 3_600_000;

Deno.test("Journal remembers a model's states, and takes active and idle for one", async () => {
  const { clock, journal, go, states } = world();
  expect(journal.history("m")).toEqual({ name: "m", changes: [], lastWake: null });
  for (
    const state of [
      "asleep",
      "waking",
      "active",
      "idle",
      "active",
      "idle",
      "stopping",
      "asleep",
    ] as const
  ) {
    await clock.advance(2_000);
    go(state);
  }
  expect(states()).toEqual(["asleep", "waking", "active", "stopping", "asleep"]);
  const { changes, lastWake } = journal.history("m");
  expect(Date.parse(changes[1]!.at) - Date.parse(changes[0]!.at)).toBe(2_000);
  expect(lastWake).toMatchObject({ model: "m", seconds: 2, ended: "active" });
  expect(Date.parse(journal.since)).toBe(clock.wallMs() - clock.nowMs());
});

Deno.test("Journal forgets what is older than a day, but for what tells how the day began", async () => {
  const { clock, journal, go, states } = world();
  go("asleep");
  await clock.advance(HOUR_MS);
  go("waking");
  go("active");
  await clock.advance(24.5 * HOUR_MS);
  expect(states()).toEqual(["active"]);
  expect(Date.parse(journal.since)).toBe(clock.wallMs() - 24 * HOUR_MS);
  go("stopping");
  expect(states()).toEqual(["active", "stopping"]);
});

Deno.test("Journal keeps so many changes of a model, and no more", async () => {
  const { clock, go, states } = world();
  for (let i = 0; i < 150; i++) {
    for (const state of ["waking", "failed", "asleep"] as const) {
      await clock.advance(1_000);
      go(state);
    }
  }
  expect([states().length, states().at(-1)]).toEqual([200, "asleep"]);
});

Deno.test("Journal tells a wake that has ended after the change that ended it", () => {
  const { journal, go } = world();
  const heard: string[] = [];
  journal.listen({
    changed: ({ was, state }) => void heard.push(`${was} ${state}`),
    woke: ({ ended }) => void heard.push(`woke ${ended}`),
  });
  go("waking");
  go("failed", "no node");
  expect(heard).toEqual(["unknown waking", "waking failed", "woke failed"]);
  expect(journal.wakes).toMatchObject([{ ended: "failed", reason: "no node" }]);
});
