/** Questions before what hurts, and the gateway's refusals. The browser gives the focus back when one closes. */
import { count, took } from "./format.js";
import { html } from "./html.js";
import { Component } from "./vendor/preact.js";

/** `props`: title, close() (after it has closed), children. */
class Dialog extends Component {
  componentDidMount() {
    this.element.showModal();
  }

  render({ title, close, children }) {
    return html`
      <dialog aria-labelledby="question" onClose=${close}
        ref=${(element) =>
          this.element = element}><h2 id="question">${title}</h2>${children}</dialog>
    `;
  }
}

/** Closes the dialog that `event` came from. */
const leave = (event) => event.currentTarget.closest("dialog").close();

/** `ask`: the question as it stands, `{verb, model, refusal?}`; `answer(verb, model, choice)`. */
export function Question({ ask, history, answer, close }) {
  if (ask.verb === "sleep") return html`<${Sleep} ...${{ ask, history, answer, close }} />`;
  if (ask.verb === "pin") return html`<${Pin} ...${{ ask, answer, close }} />`;
  return html`
    <${Dialog} title=${`${ask.model.name} was not changed`} close=${close}>
      <p class="failure" role="alert">${ask.refusal}</p>
      <div class="choices"><button type="button" autofocus onClick=${leave}>Close</button></div>
      </${Dialog}>
  `;
}

function Sleep({ ask: { model, refusal, status, busy }, history, answer, close }) {
  const { name, pending, inFlight, pinnedUntilMs } = model;
  // In use: that is the one refusal that force is an answer to.
  const isInUse = status === 409 && pinnedUntilMs === null;
  const { lastWake } = history;
  return html`<${Dialog} title=${`Put ${name} to sleep?`} close=${close}>
    <p>The next request wakes it again${
    lastWake && lastWake.ended !== "failed" ? `; the last wake took ${took(lastWake.seconds)}` : ""
  }.</p>
    ${
    !refusal && pending + inFlight > 0 &&
    html`<p>${count(inFlight, "request")} in flight, ${pending} waiting.</p>`
  }
    ${refusal && html`<p class="failure" role="alert">Refused: ${refusal}</p>`}
    ${
    isInUse && html`
      <p>Forced, it takes no new requests, lets the running ones finish, and then sleeps.</p>
    `
  }
    <div class="choices">
      <button type="button" autofocus onClick=${leave}>Cancel</button>
      <button type="button" class="danger" aria-disabled=${String(busy === true)}
        onClick=${() => busy || answer("sleep", model, isInUse)}>${
    isInUse ? "Force it to sleep" : "Put to sleep"
  }</button>
    </div>
  </${Dialog}>`;
}

const TIMES = { "30m": "30 minutes", "2h": "2 hours", "8h": "8 hours", "24h": "1 day" };

function Pin({ ask: { model, refusal, busy }, answer, close }) {
  const pin = (event) => {
    const { value } = event.currentTarget.closest("dialog").querySelector("select");
    if (!busy) answer("pin", model, value);
  };
  return html`<${Dialog} title=${`Keep ${model.name} up?`} close=${close}>
    <p>It is woken if it sleeps, and not put to sleep for that long. All gateways heed it.</p>
    <p><label for="pin-for">For</label> <select id="pin-for">${
    Object.entries(TIMES).map(([value, text]) =>
      html`<option value=${value} selected=${value === "2h"}>${text}</option>`
    )
  }</select></p>
    ${refusal && html`<p class="failure" role="alert">Refused: ${refusal}</p>`}
    <div class="choices">
      <button type="button" autofocus onClick=${leave}>Cancel</button>
      <button type="button" class="main" aria-disabled=${
    String(busy === true)
  } onClick=${pin}>Pin</button>
    </div>
  </${Dialog}>`;
}
