/** A model's cold starts over time: how long each took, and which failed. */
import { took } from "./format.js";
import { html } from "./html.js";
import { summaryOf } from "./periods.js";
import { Component } from "./vendor/preact.js";
import uPlot from "./vendor/uplot.js";

const HEIGHT = 160;

export class Plot extends Component {
  componentDidMount() {
    this.scheme = matchMedia("(prefers-color-scheme: dark)");
    this.redraw = () => this.draw();
    this.scheme.addEventListener("change", this.redraw);
    this.observer = new ResizeObserver(() =>
      this.plot?.setSize({ width: this.element.clientWidth, height: HEIGHT })
    );
    this.observer.observe(this.element);
    this.draw();
  }

  componentDidUpdate() {
    this.draw();
  }

  componentWillUnmount() {
    this.scheme.removeEventListener("change", this.redraw);
    this.observer.disconnect();
    this.plot?.destroy();
  }

  shouldComponentUpdate({ coldStarts, reach }) {
    return coldStarts.length !== this.props.coldStarts.length || reach !== this.props.reach;
  }

  draw() {
    const { coldStarts, reach } = this.props;
    this.plot?.destroy();
    const width = this.element.clientWidth;
    this.plot = new uPlot(optionsOf(this.element, reach, width), dataOf(coldStarts), this.element);
  }

  render({ coldStarts }) {
    return html`<div class="plot" role="img" aria-label=${summaryOf(coldStarts, took)} ref=${(
      element,
    ) => this.element = element}></div>`;
  }
}

function dataOf(coldStarts) {
  const of = (wanted) =>
    coldStarts.map(({ seconds, failed }) => failed === wanted ? seconds : null);
  return [coldStarts.map(({ atMs }) => atMs / 1_000), of(false), of(true)];
}

function optionsOf(element, { fromMs, toMs }, width) {
  const colour = (name) => getComputedStyle(element).getPropertyValue(name);
  const axis = {
    stroke: colour("--muted"),
    font: "11px system-ui, sans-serif",
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { show: false },
  };
  const points = (stroke, size, fill) => ({
    stroke,
    paths: () => null,
    points: { show: true, size, stroke, fill, width: 2 },
  });
  return {
    ...{ width, height: HEIGHT, padding: [8, 12, 0, 0] },
    legend: { show: false },
    cursor: { show: false },
    scales: {
      x: { range: () => [fromMs / 1_000, toMs / 1_000] },
      y: { range: (_, _min, max) => [0, Math.max(1, max * 1.1)] },
    },
    axes: [{ ...axis, values: (_, all) => all.map(clock) }, {
      ...axis,
      size: 52,
      values: (_, all) => all.map((seconds) => seconds === 0 ? "0" : took(seconds)),
    }],
    series: [
      {},
      points(colour("--up"), 7, colour("--up")),
      points(colour("--failed"), 9, colour("--card")),
    ],
  };
}

function clock(seconds) {
  return new Date(seconds * 1_000).toTimeString().slice(0, 5);
}
