/** The fake is held to the same suite as the targets that it stands in for. */
import { conformanceTests, type WorldOptions } from "./conformance.ts";
import { eventually } from "./eventually.ts";
import { FAIR_WEATHER, FakeTarget } from "./fake_target.ts";
import { VirtualClock } from "./virtual_clock.ts";

conformanceTests("fake", ({ kind }: WorldOptions) => {
  const clock = new VirtualClock();
  const target = new FakeTarget(clock, {
    ...FAIR_WEATHER,
    stepMs: (phase) => kind === "stubborn" ? 2_000 : FAIR_WEATHER.stepMs(phase),
    cannotWake: () => kind === "broken",
  });
  // Whoever waits for the target waits in real time; meanwhile virtual time passes.
  let over = false;
  const passing = (async () => {
    while (!over) {
      await clock.advance(10);
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  })();
  return Promise.resolve({
    target,
    until: (condition) => eventually(condition),
    async [Symbol.asyncDispose]() {
      over = true;
      await passing;
    },
  });
});
