/** A wake as a bar of its phases. */
import { took } from "./format.js";
import { html } from "./html.js";

export const PHASES = ["scheduling", "pulling", "starting", "loading"];

export function WakeBar({ phases, label }) {
  const parts = PHASES.filter((phase) => phases[phase] > 0);
  // Only a cluster tells its phases.
  if (parts.length === 0) return null;
  const text = [label, ...parts.map((phase) => `${phase} ${took(phases[phase])}`)].filter(Boolean)
    .join(", ");
  return html`<span class="bar" role="img" aria-label=${text} title=${text}>${
    parts.map((phase) => html`<i class=${phase} style=${{ flexGrow: phases[phase] }}></i>`)
  }</span>`;
}

/** What the colours mean, with the times. */
export function WakeLegend({ phases }) {
  return html`<ul class="legend">${
    PHASES.filter((phase) => phase in phases).map((phase) =>
      html`<li><i class=${`swatch ${phase}`}></i>${phase} <b>${took(phases[phase])}</b></li>`
    )
  }</ul>`;
}
