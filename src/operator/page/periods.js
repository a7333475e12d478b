/** What a model's changes of state come to: periods for its strip, and its cold starts; pure. */

/** `active` and `idle` are one here: it was up. */
export function kindOf(state) {
  return state === "active" || state === "idle" ? "up" : state;
}

/** `changes` ({atMs, state}, the earliest first) as periods between `fromMs` and `toMs`. */
export function periodsOf(changes, fromMs, toMs) {
  const periods = [];
  changes.forEach(({ atMs, state }, i) => {
    const begin = Math.max(atMs, fromMs);
    const end = Math.min(changes[i + 1]?.atMs ?? toMs, toMs);
    if (end <= begin) return;
    const last = periods.at(-1);
    if (last?.kind === kindOf(state) && last.toMs === begin) last.toMs = end;
    else periods.push({ kind: kindOf(state), fromMs: begin, toMs: end });
  });
  return periods;
}

/** Wakes that have ended: when they began, how long they took, and whether they failed. */
export function coldStartsOf(changes) {
  return changes.flatMap(({ atMs, state }, i) => {
    const next = changes[i + 1];
    if (state !== "waking" || !next) return [];
    if (kindOf(next.state) !== "up" && next.state !== "failed") return [];
    return [{ atMs, seconds: (next.atMs - atMs) / 1_000, failed: next.state === "failed" }];
  });
}

/** A figure of cold starts in words; the plot says the same. */
export function summaryOf(coldStarts, took) {
  const good = coldStarts.filter(({ failed }) => !failed).map(({ seconds }) => seconds)
    .sort((a, b) => a - b);
  const failed = coldStarts.length - good.length;
  const parts = [`${coldStarts.length} cold ${coldStarts.length === 1 ? "start" : "starts"}`];
  if (good.length > 0) {
    parts.push(`median ${took(good[good.length >> 1])}`, `longest ${took(good.at(-1))}`);
  }
  if (failed > 0) parts.push(`${failed} failed`);
  return parts.join(", ");
}
