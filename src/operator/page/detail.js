/** All that is known of one model, below its row: facts, pods, its last wake, cold starts, what changed lately. */
import { exactTimeOf, hours, span, timeOf, took } from "./format.js";
import { html } from "./html.js";
import { coldStartsOf, summaryOf } from "./periods.js";
import { Plot } from "./plot.js";
import { Strip } from "./strip.js";
import { WakeBar, WakeLegend } from "./wake_bar.js";

const CHANGES_SHOWN = 12;

export function Detail({ model, history, reach }) {
  return html`
    <div class="sheet">
      <section>
        <h2>Model</h2>
        <${Facts} model=${model} />
      </section>
      <section>
        <h2>Pods</h2>
        <${Pods} model=${model} />
      </section>
      <section>
        <h2>Last wake</h2>
        <${Wake} model=${model} wake=${history.lastWake} />
      </section>
      <section class="whole">
        <h2>Up and asleep</h2>
        <${Strip} model=${model} history=${history} reach=${reach} />
        <p class="reach"><span>${timeOf(reach.fromMs)}</span><span>${timeOf(reach.toMs)}</span></p>
      </section>
      <section class="wide">
        <h2>Cold starts</h2>
        <${ColdStarts} coldStarts=${coldStartsOf(history.changes)} reach=${reach} />
      </section>
      <section class="wide">
        <h2>Changes of state</h2>
        <${Changes} changes=${history.changes} />
      </section>
    </div>
  `;
}

function Facts({ model: { target, idleTimeoutSeconds, pinnedUntilMs, gpu, replicas } }) {
  const facts = [
    ["Scales", target],
    ["Idle timeout", idleTimeoutSeconds === null ? "never" : span(idleTimeoutSeconds)],
    pinnedUntilMs !== null && ["Pinned until", timeOf(pinnedUntilMs)],
    replicas && ["Replicas", `${replicas.ready} ready of ${replicas.desired}`],
    gpu && ["GPUs", `${gpu.count} while it is up`],
    gpu && ["GPU-hours today", gpuText(gpu.today)],
    gpu && ["GPU-hours this week", gpuText(gpu.week)],
  ];
  return html`<dl>${
    facts.filter(Boolean).map(([name, value]) =>
      html`
        <div>
          <dt>${name}</dt>
          <dd>${value}</dd>
        </div>
      `
    )
  }</dl>`;
}

function gpuText({ upSeconds, freedSeconds }) {
  return `freed ${hours(freedSeconds)} of ${hours(freedSeconds + upSeconds)}`;
}

function Pods({ model: { pods } }) {
  if (pods.length === 0) return html`<p class="none">None that the gateway sees.</p>`;
  return html`<ul class="pods">${
    pods.map(({ name, node, ready, status }) =>
      html`<li><code>${name}</code> ${ready ? "ready" : "not ready"}${status && `, ${status}`}
        ${node && html`<small>on ${node}</small>`}</li>`
    )
  }</ul>`;
}

function Wake({ model, wake }) {
  const isNow = model.state === "waking";
  if (!isNow && !wake) return html`<p class="none">None since this gateway's start.</p>`;
  const { phases } = isNow ? model : wake;
  const told = isNow
    ? `Since ${exactTimeOf(model.sinceMs)}: ${model.progress ?? model.reason}`
    : `${exactTimeOf(wake.beganMs)}: ${took(wake.seconds)}, then ${wake.ended}: ${wake.reason}`;
  return html`
    <p>${told}</p>
    <${WakeBar} phases=${phases} label=${isNow ? "This wake" : "Last wake"} />
    <${WakeLegend} phases=${phases} />
  `;
}

function ColdStarts({ coldStarts, reach }) {
  if (coldStarts.length === 0) {
    return html`<p class="none">None since ${timeOf(reach.fromMs)}.</p>`;
  }
  return html`
    <p>${summaryOf(coldStarts, took)} <small>since ${timeOf(reach.fromMs)}</small></p>
    <${Plot} coldStarts=${coldStarts} reach=${reach} />
  `;
}

function Changes({ changes }) {
  if (changes.length === 0) return html`<p class="none">None since this gateway's start.</p>`;
  return html`<ol class="changes">${
    changes.slice(-CHANGES_SHOWN).reverse().map(({ atMs, state, reason }) =>
      html`<li><time>${exactTimeOf(atMs)}</time> <b>${state}</b> <span>${reason}</span></li>`
    )
  }</ol>`;
}
