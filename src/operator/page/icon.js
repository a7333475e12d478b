/** A state as a shape, so that colour is not all that tells it. */
import { html } from "./html.js";

const SHAPES = {
  active: "M6 1a5 5 0 1 0 0 10a5 5 0 0 0 0-10z",
  idle: "M6 1a5 5 0 1 0 0 10a5 5 0 0 0 0-10zm0 2a3 3 0 1 1 0 6a3 3 0 0 1 0-6z",
  waking: "M6 1l5 9h-10z",
  stopping: "M6 11l5-9h-10z",
  asleep: "M1 5h10v2h-10z",
  failed:
    "M2.5 1l3.5 3.500l3.5-3.500l1.5 1.500l-3.5 3.500l3.5 3.500l-1.5 1.500l-3.5-3.500l-3.5 3.500l-1.5-1.500l3.5-3.500l-3.5-3.500z",
  unknown: "M6 0l6 6l-6 6l-6-6zm0 3l-3 3l3 3l3-3z",
};

export function Icon({ state }) {
  return html`
    <svg class="icon" viewBox="0 0 12 12" aria-hidden="true">
      <path fill-rule="evenodd" d=${SHAPES[state]} />
    </svg>
  `;
}
