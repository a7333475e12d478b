/** A clock that holds still where another would go back. */
import type { Clock } from "./clock.ts";

/**
 * `clock`, never going back, and never behind a timer that has fired: a deadline that has come stays
 * come, whatever the clock says afterwards (a suspended machine, an early timer).
 */
export function steadyClock(clock: Clock): Clock {
  let lastMs = -Infinity;
  const nowMs = (atLeastMs = -Infinity) => lastMs = Math.max(lastMs, atLeastMs, clock.nowMs());
  return {
    nowMs: () => nowMs(),
    wallMs: () => clock.wallMs(),
    timer(delayMs, callback) {
      const dueMs = nowMs() + delayMs;
      return clock.timer(delayMs, () => {
        nowMs(dueMs);
        callback();
      });
    },
  };
}
