/** One model in the table: a row, or a card where the page is narrow. Drawn anew only when something of it is another. */
import { adviceFor } from "./advice.js";
import { Detail } from "./detail.js";
import { about, hours, roughly, span, took } from "./format.js";
import { html } from "./html.js";
import { Icon } from "./icon.js";
import { Strip } from "./strip.js";
import { Ticking } from "./ticker.js";
import { Component, Fragment } from "./vendor/preact.js";
import { WakeBar } from "./wake_bar.js";

/** `props`: model, history, reach, shows, isOpen, busy (the verb under way), toggle(name), ask(verb, model). */
export class Row extends Component {
  shouldComponentUpdate(next) {
    return Object.keys(next).some((key) => next[key] !== this.props[key]);
  }

  render({ model, history, reach, shows, isOpen, busy, toggle, ask }) {
    const { name, state, target, pending, inFlight } = model;
    const id = `detail-${encodeURIComponent(name)}`;
    const columns = 9 + shows.replicas + shows.gpu;
    return html`<${Fragment}>
      <tr role="row" class=${`row ${state}`} data-model=${name}>
        <th role="rowheader" scope="row" class="name">
          <button type="button" class="toggle" aria-expanded=${String(isOpen)} aria-controls=${id}
            onClick=${() => toggle(name)}>${name}</button>
          <small>${placeOf(target)}</small>
        </th>
        <td role="cell" class="state">
          <span class="badge"><${Icon} state=${state} />${state}</span>
          <small><${Ticking} text=${sinceText(model)} /></small>
        </td>
        <td role="cell" class="why"><${Why} model=${model} /></td>
        <${Figure} of="Waiting" value=${pending} />
        <${Figure} of="In flight" value=${inFlight} />
        <td role="cell" class="number" data-label="Sleeps in"><${SleepsIn} model=${model} /></td>
        ${
      shows.replicas &&
      html`<td role="cell" class="number" data-label="Replicas">${replicasOf(model)}</td>`
    }
        <td role="cell" class="wake" data-label="Last wake">
          <${LastWake} model=${model} wake=${history.lastWake} />
        </td>
        ${
      shows.gpu &&
      html`<td role="cell" class="number" data-label="Freed today">${freedOf(model)}</td>`
    }
        <td role="cell" class="history" data-label="Up and asleep">
          <${Strip} model=${model} history=${history} reach=${reach} />
        </td>
        <td role="cell" class="actions"><${Actions} model=${model} busy=${busy} ask=${ask} /></td>
      </tr>
      ${
      model.failure && html`
        <tr role="row" class="note">
          <td role="cell" colspan=${columns}>
            <${Failure} failure=${model.failure} />
          </td>
        </tr>
      `
    }
      ${
      isOpen && html`
        <tr role="row" class="detail" id=${id}>
          <td role="cell" colspan=${columns}>
            <${Detail} model=${model} history=${history} reach=${reach} />
          </td>
        </tr>
      `
    }
    </${Fragment}>`;
  }
}

/** The name alone of a program; of a workload without its kind, where its namespace says enough. */
function placeOf(target) {
  if (isRouted(target)) return target;
  return target.replace(/^process .*\//, "process ").replace(/^\S+ (?=\S+\/)/, "");
}

/** True for an upstream of its own: there is nothing to wake, and nothing to put to sleep. */
function isRouted(target) {
  return target.startsWith("upstream ");
}

function Figure({ of, value }) {
  return html`<td role="cell" class=${
    value === 0 ? "number none" : "number"
  } data-label=${of}>${value}</td>`;
}

function sinceText({ sinceMs }) {
  return (nowMs) => `for ${about((nowMs - sinceMs) / 1_000)}`;
}

function Why({ model: { state, reason, progress, failure } }) {
  if (state === "failed") return html`<p class="failure">${adviceFor(failure?.kind)[0]}</p>`;
  return html`<p>${progress ?? reason}</p>${progress !== null && html`<small>${reason}</small>`}`;
}

/** Why a wake failed, in full, what to do about it, and what happens next. */
function Failure({ failure: { kind, message, retryAtMs } }) {
  return html`
    <p class="failure">${message}</p>
    <p>${adviceFor(kind)[1]} <span class="none"><${Ticking} text=${(nowMs) =>
      retryText(retryAtMs - nowMs)} /></span></p>
  `;
}

function retryText(inMs) {
  return inMs > 0
    ? `Requests are refused for another ${span(inMs / 1_000)}; the next one after that tries again.`
    : "The next request tries again.";
}

function SleepsIn({ model: { state, sleepsAtMs, pinnedUntilMs, idleTimeoutSeconds } }) {
  if (pinnedUntilMs !== null) {
    return html`<${Ticking} text=${(nowMs) =>
      about((pinnedUntilMs - nowMs) / 1_000)} /><small>pinned</small>`;
  }
  if (sleepsAtMs !== null) {
    return html`<${Ticking} text=${(nowMs) => span((sleepsAtMs - nowMs) / 1_000)} />`;
  }
  const isUp = state === "active" || state === "idle";
  if (isUp && idleTimeoutSeconds === null) return "never";
  return html`<span class="none">${state === "active" ? "in use" : "–"}</span>`;
}

function replicasOf({ replicas }) {
  return replicas ? `${replicas.ready}/${replicas.desired}` : html`<span class="none">–</span>`;
}

function freedOf({ gpu }) {
  return gpu ? `${hours(gpu.today.freedSeconds)} h` : html`<span class="none">–</span>`;
}

function LastWake({ model: { state, phases, sinceMs }, wake }) {
  if (state === "waking") {
    return html`
      <span class="took">
            <${Ticking} text=${(nowMs) =>
              span((nowMs - sinceMs) / 1_000)} /> <small>so far</small></span>
      <${WakeBar} phases=${phases} label="This wake" />
    `;
  }
  if (!wake) return html`<span class="none">–</span>`;
  const isFailed = wake.ended === "failed";
  const endedMs = wake.beganMs + wake.seconds * 1_000;
  return html`
    <span class="took">${took(wake.seconds)}
          <small>${isFailed && "failed "}<${Ticking} text=${(nowMs) =>
            `${roughly((nowMs - endedMs) / 1_000)} ago`} /></small></span>
    <${WakeBar} phases=${wake.phases} label=${isFailed ? "Failed wake" : "Last wake"} />
  `;
}

/** One button for waking and putting to sleep, so that the focus stays where it was when it turns. */
function Actions({ model, busy, ask }) {
  const { name, state, target, pinnedUntilMs } = model;
  if (isRouted(target)) return null;
  const isUp = state === "active" || state === "idle";
  const isWaking = state === "waking";
  const main = isUp ? "sleep" : "wake";
  const pin = pinnedUntilMs === null ? "pin" : "unpin";
  const button = (verb, text, isOff) =>
    html`
      <button type="button" class=${verb} data-verb=${verb} aria-label=${`${text} ${name}`}
        aria-disabled=${String(isOff)} onClick=${() => isOff || ask(verb, model)}>${text}</button>
    `;
  return html`
    ${button(
      main,
      isWaking || busy === "wake" ? "Waking" : LABELS[main],
      isWaking || busy !== undefined,
    )}
    ${button(pin, LABELS[pin], busy !== undefined)}
  `;
}

const LABELS = { wake: "Wake", sleep: "Sleep", pin: "Pin", unpin: "Unpin" };
