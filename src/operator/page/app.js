/** The status page: what the gateway tells, what the reader has chosen, and one drawing of both a frame. */
import { act } from "./actions.js";
import { Announcer } from "./announce.js";
import { Connection } from "./connection.js";
import { Question } from "./dialogs.js";
import { count, timeOf } from "./format.js";
import { html } from "./html.js";
import { shownModels } from "./order.js";
import { Store } from "./store.js";
import { reachOf } from "./strip.js";
import { Bar, Freed, Liveness, Nothing, Table } from "./table.js";
import { freeze } from "./ticker.js";
import { render } from "./vendor/preact.js";
import { readView, writeView } from "./view.js";

const root = document.getElementById("app");
const live = document.getElementById("live");
/** The strips grow by so much at a time. */
const REDRAW_MS = 5_000;

const store = new Store();
let view = readView(location.hash);
/** The question that is open, as `{verb, model, refusal}`. */
let question;
/** By model: the verb that is under way. */
const busy = new Map();
let isDue = false;
/** So many rows are drawn at once, at first what fits on a screen: however many there are, no key waits for long. */
const FIRST_ROWS = 60;
const MORE_ROWS = 120;
let rowsMax = FIRST_ROWS;
/** The address follows the reader when he rests: browsers refuse one that is written with every key. */
const WRITE_MS = 250;
let writing;

const announcer = new Announcer((sentence) => live.textContent = sentence);
const connection = new Connection({
  onOpen() {
    store.begin();
    void readHistory();
  },
  onStatus(status) {
    freeze(status.name === "lost");
    draw();
  },
  onEvents(events) {
    const nowMs = Date.now();
    for (const event of events) {
      store.take(event, nowMs);
      if (event.name === "change") announcer.changed(event.data);
    }
    draw();
  },
});

async function readHistory() {
  try {
    const response = await fetch("api/history", { cache: "no-store" });
    if (response.ok) store.takeHistory(await response.json(), Date.now());
  } catch {
    // The stream notices as well, and begins anew.
  }
  draw();
}

/** Once a frame, whatever happened. */
function draw() {
  if (isDue) return;
  isDue = true;
  requestAnimationFrame(() => {
    isDue = false;
    render(html`<${Page} />`, root);
  });
}

function change(part) {
  view = { ...view, ...part };
  rowsMax = FIRST_ROWS;
  clearTimeout(writing);
  writing = setTimeout(() => {
    history.replaceState(null, "", writeView(view) || location.pathname);
  }, WRITE_MS);
  draw();
}

function toggle(name) {
  const open = new Set(view.open);
  if (!open.delete(name)) open.add(name);
  change({ open });
}

/** What hurts is asked first; the rest is done. */
function ask(verb, model) {
  if (verb === "wake" || verb === "unpin") return void answer(verb, model);
  question = { verb, model };
  draw();
}

/** `choice`: for how long (pin), or true to force (sleep). */
async function answer(verb, model, choice) {
  const query = !choice ? "" : verb === "pin" ? `?for=${choice}` : "?force=true";
  busy.set(model.name, verb);
  if (question) question = { ...question, busy: true };
  draw();
  const { ok, status, message, view: answered } = await act(model.name, verb + query);
  busy.delete(model.name);
  if (ok) {
    store.take({ name: "model", data: answered }, Date.now());
    root.querySelector("dialog")?.close();
  } else {
    question = { verb: question ? verb : "refused", model, refusal: message, status };
  }
  draw();
}

function close() {
  question = undefined;
  draw();
}

/** The same object while it says the same: rows are drawn anew for another one. */
let shows = { gpu: false, replicas: false };
let reach = reachOf(null, Date.now());

function Page() {
  const models = [...store.models.values()];
  const { status } = connection ?? { status: { name: "connecting" } };
  const gpu = models.some((model) => model.gpu);
  const replicas = models.some((model) => model.replicas);
  if (gpu !== shows.gpu || replicas !== shows.replicas) shows = { gpu, replicas };
  const next = reachOf(store.sinceMs, Date.now());
  const isElse = next.fromMs !== reach.fromMs || next.nowMs !== reach.nowMs;
  if (isElse && status.name !== "lost") reach = next;
  const shown = shownModels(models, (name) => store.historyOf(name), view);
  const drawn = shown.slice(0, rowsMax);
  if (drawn.length < shown.length) {
    rowsMax += MORE_ROWS;
    setTimeout(draw);
  }
  const failed = models.filter(({ state }) => state === "failed").length;
  document.title = `${failed > 0 ? `${failed} failed · ` : ""}vllm-autoscaler`;
  return html`
    <header>
      <h1>vllm-autoscaler <small>${location.host}</small></h1>
      <${Freed} models=${models} />
      <${Liveness} status=${status} retry=${() => connection.connect()} />
    </header>
    <main class=${status.name === "lost" ? "stale" : ""}>
      ${models.length > 0 && html`<${Bar} ...${{ models, view, change }} />`}
      ${shown.length > 0 &&
        html`<${Table} ...${{
          shown: drawn,
          store,
          view,
          shows,
          reach,
          busy,
          change,
          toggle,
          ask,
        }} />`}
      ${shown.length === 0 && status.name === "live" &&
        html`<${Nothing} ...${{ models, view, change }} />`}
    </main>
    <${Footer} shown=${shown.length} />
    ${question && html`
      <${Question} ask=${questionNow()} history=${store.historyOf(question.model.name)}
        answer=${answer} close=${close} />
    `}
  `;
}

/** With the model as it is by now. */
function questionNow() {
  return { ...question, model: store.models.get(question.model.name) ?? question.model };
}

function Footer({ shown }) {
  return html`
    <footer>
      <p>${count(shown, "model")} shown. ${store.sinceMs !== null &&
        `Strips, last wakes and plots are this gateway's memory: since ${
          timeOf(store.sinceMs)
        }, at most 24 hours.`}</p>
      <p><a href="api/models">API</a> <a href="api/openapi.json">OpenAPI</a> <a href="metrics">Metrics</a>
          <a href="api/config">Config</a></p>
    </footer>
  `;
}

setInterval(() => document.hidden || draw(), REDRAW_MS);
addEventListener("hashchange", () => {
  view = readView(location.hash);
  draw();
});
