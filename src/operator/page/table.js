/** The table of models, its head with what sorts it, and the bar above with what filters it. */
import { count, hours, span } from "./format.js";
import { html } from "./html.js";
import { countByGroup, DESCENDING_FIRST } from "./order.js";
import { Row } from "./row.js";
import { Ticking } from "./ticker.js";

const GROUP_NAMES = {
  all: "all",
  up: "up",
  changing: "changing",
  asleep: "asleep",
  failed: "failed",
};

/** In order: what sorts by it (if anything), its title, and what it must be shown for. */
const COLUMNS = [
  ["name", "Model"],
  ["state", "State"],
  [null, "Why"],
  ["pending", "Waiting"],
  ["inFlight", "In flight"],
  ["sleepsIn", "Sleeps in"],
  ["replicas", "Replicas", "replicas"],
  ["lastWake", "Last wake"],
  ["freed", "Freed today", "gpu"],
];

export function Bar({ models, view, change }) {
  const counts = countByGroup(models);
  return html`
    <div class="bar-of-filters">
      <div class="groups" role="group" aria-label="Show by state">${Object.entries(GROUP_NAMES).map(
        ([group, name]) =>
          html`
            <button type="button" class=${`group ${group}`} aria-pressed=${String(
              view.group === group,
            )}
              onClick=${() => change({ group })}><b>${counts[group].toLocaleString(
                "en",
              )}</b> ${name}</button>
          `,
      )}</div>
      <label class="filter"><span class="unseen">Filter by name, target, state or reason</span>
          <input type="search" placeholder="Filter" value=${view
            .text} autocomplete="off" spellcheck=${false}
            onInput=${(event) => change({ text: event.target.value })} /></label>
      <div class="sorting">
        <label><span class="unseen">Sort by</span>
          <select onChange=${(event) => change(sortedBy(event.target.value, view))}>
            ${COLUMNS.filter(([key]) => key).map(([key, title]) =>
              html`
                <option value=${key} selected=${view.sort === key}>${title}</option>
              `
            )}
          </select></label>
        <button type="button" aria-label="Reverse the order" onClick=${() =>
          change({ descending: !view.descending })}>${view.descending ? "↓" : "↑"}</button>
      </div>
    </div>
  `;
}

export function Table({ shown, store, view, shows, reach, busy, change, toggle, ask }) {
  const title = reach.nowMs - reach.fromMs > 86_000_000
    ? "Last 24 hours"
    : `Since ${new Date(reach.fromMs).toTimeString().slice(0, 5)}`;
  return html`
    <table role="table" aria-label="Models" class=${`${shows.gpu ? "gpu" : ""} ${
      shows.replicas ? "replicas" : ""
    }`}>
      <thead role="rowgroup">
        <tr role="row">
          ${COLUMNS.filter(([, , of]) => !of || shows[of]).map(([key, name]) =>
            html`<${Head} ...${{ key, by: key, name, view, change }} />`
          )}
          <th role="columnheader" scope="col" class="history">${title}</th>
          <th role="columnheader" scope="col" class="actions"><span class="unseen">Actions</span></th>
        </tr>
      </thead>
      <tbody role="rowgroup">${shown.map((model) =>
        html`
          <${Row} key=${model.name} model=${model} history=${store.historyOf(model.name)}
            reach=${reach} shows=${shows} isOpen=${view.open.has(model.name)}
            busy=${busy.get(model.name)} toggle=${toggle} ask=${ask} />
        `
      )}</tbody>
    </table>
  `;
}

function Head({ by, name, view, change }) {
  const className = by ?? "why";
  if (!by) return html`<th role="columnheader" scope="col" class=${className}>${name}</th>`;
  const isSorted = view.sort === by;
  const sorted = isSorted ? (view.descending ? "descending" : "ascending") : "none";
  return html`<th role="columnheader" scope="col" class=${className} aria-sort=${sorted}>
    <button type="button" class="sort" onClick=${() => change(sortedBy(by, view))}>${name}<span
      aria-hidden="true" class="arrow">${
    isSorted ? (view.descending ? "↓" : "↑") : ""
  }</span></button></th>`;
}

/** Reverse the order where it is sorted by that already. */
function sortedBy(sort, view) {
  const descending = view.sort === sort ? !view.descending : DESCENDING_FIRST.includes(sort);
  return { sort, descending };
}

/** What the GPUs of all models have come to today; nothing where none is known. */
export function Freed({ models }) {
  const known = models.filter(({ gpu }) => gpu);
  if (known.length === 0) return null;
  const sum = (of) => known.reduce((all, { gpu }) => all + gpu.today[of], 0);
  const freed = sum("freedSeconds");
  return html`<p class="freed">Freed <b>${hours(freed)}</b> of ${
    hours(freed + sum("upSeconds"))
  } GPU-hours today</p>`;
}

/** Whether what is shown is true now, in words. The countdown is for the eye alone: it would be read out each second. */
export function Liveness({ status: { name, reason, retryAtMs }, retry }) {
  const isLost = name === "lost";
  const text = (nowMs) =>
    retryAtMs > nowMs ? `Trying again in ${span((retryAtMs - nowMs) / 1_000)}.` : "Trying again.";
  return html`<div class=${`liveness ${name}`}>
    <span class="dot"></span>
    <p role="status">${
    isLost
      ? `Connection lost: ${reason}. What is shown is old.`
      : name === "live"
      ? "live"
      : "connecting"
  }</p>
    ${
    isLost && html`
      <span aria-hidden="true"><${Ticking} text=${text} always=${true} /></span>
      <button type="button" onClick=${retry}>Try now</button>
    `
  }
  </div>`;
}

export function Nothing({ models, view, change }) {
  if (models.length === 0) return html`<p class="nothing">The config names no model.</p>`;
  return html`<p class="nothing">None of ${count(models.length, "model")} is like that.
    <button type="button" onClick=${() => change({ text: "", group: "all" })}>Show all</button>${
    view.text && ""
  }</p>`;
}
