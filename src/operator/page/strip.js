/** When a model was up and when it slept, as a strip: the higher, the more of it ran. */
import { span } from "./format.js";
import { html } from "./html.js";
import { coldStartsOf, periodsOf } from "./periods.js";

const WIDTH = 600;
const HEIGHT = 20;
/** By kind of period: where it begins from above, and how high it is. */
const BOXES = {
  up: [0, 20],
  waking: [8, 12],
  stopping: [8, 12],
  asleep: [17, 3],
  failed: [8, 4],
  unknown: [17, 3],
};

/** `span`: `{fromMs, nowMs, toMs}` of all strips. */
export function Strip({ model, history, reach: { fromMs, nowMs, toMs } }) {
  const changes = history.changes.length > 0
    ? history.changes
    : [{ atMs: model.sinceMs, state: model.state }];
  const periods = periodsOf(changes, fromMs, nowMs);
  const scale = WIDTH / (toMs - fromMs);
  const paths = Object.entries(Object.groupBy(periods, ({ kind }) => kind)).map(([kind, all]) => {
    const [y, height] = BOXES[kind];
    const d = all.map(({ fromMs: begin, toMs: end }) => {
      const x = (begin - fromMs) * scale;
      const width = Math.max(1.5, (end - begin) * scale);
      return `M${x.toFixed(1)} ${y}h${width.toFixed(1)}v${height}h-${width.toFixed(1)}z`;
    }).join("");
    return html`<path class=${kind} d=${d} />`;
  });
  const upMs = periods.filter(({ kind }) => kind === "up")
    .reduce((sum, period) => sum + period.toMs - period.fromMs, 0);
  const label = `up ${span(upMs / 1_000)} of ${span((nowMs - fromMs) / 1_000)}, ` +
    `${coldStartsOf(changes).length} cold starts`;
  return html`
    <svg class="strip" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img"
      aria-label=${label}>
        <title>${label}</title>${paths}
      </svg>
  `;
}

/** How far all strips reach, in steps that can be seen: they are not drawn anew for less. */
export function reachOf(sinceMs, nowMs) {
  const fromMs = Math.min(sinceMs ?? nowMs, nowMs - 1);
  const stepMs = Math.min(Math.max((nowMs - fromMs) / 200, 5_000), 600_000);
  const steppedMs = Math.ceil(nowMs / stepMs) * stepMs;
  return { fromMs, nowMs: steppedMs, toMs: Math.max(steppedMs, fromMs + MINIMUM_MS) };
}

/** A young gateway's strips fill from the left. */
const MINIMUM_MS = 600_000;
