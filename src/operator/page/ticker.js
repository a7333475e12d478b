/** Text that changes with time: one timer for all of it, which writes only what reads differently. */
import { Component, h } from "./vendor/preact.js";

const PERIOD_MS = 1_000;
const mounted = new Set();
let isFrozen = false;

/** Stops all counting but what goes on `always`: what is shown may not be true any more. */
export function freeze(frozen) {
  isFrozen = frozen;
}

setInterval(() => {
  if (document.hidden) return;
  const nowMs = Date.now();
  for (const each of mounted) each.tick(nowMs);
}, PERIOD_MS);

/** `text`: from the time in ms to what is to be read then. */
export class Ticking extends Component {
  componentDidMount() {
    mounted.add(this);
    this.tick(Date.now());
  }

  componentDidUpdate() {
    this.tick(Date.now());
  }

  componentWillUnmount() {
    mounted.delete(this);
  }

  tick(nowMs) {
    if (isFrozen && !this.props.always && this.text !== undefined) return;
    const text = this.props.text(nowMs);
    if (text === this.text) return;
    this.text = text;
    this.element.textContent = text;
  }

  render() {
    return h("span", { class: "ticking", ref: (element) => this.element = element });
  }
}
