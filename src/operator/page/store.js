/** What the page knows of the gateway, made of its events; pure. Objects are replaced and never changed. */

/** More than the gateway keeps of one model. */
const CHANGES_MAX = 250;

export class Store {
  /** By name: the model's view, with moments of this machine's clock; what an older gateway leaves out is null. */
  models = new Map();
  /** By name: `{changes: [{atMs, state, reason}], lastWake}`. */
  history = new Map();
  /** Since when there is a history, by this machine's clock; null: not known yet. */
  sinceMs = null;
  /** How much the gateway's clock is ahead of this machine's. */
  #aheadMs = 0;

  /** Takes one event of the stream (`{name, data}`) that came at `nowMs`. */
  take({ name, data }, nowMs) {
    if (name === "models") {
      this.models = new Map(data.map((view) => [view.name, this.#modelOf(view, nowMs)]));
    } else if (name === "model") {
      this.models.set(data.name, this.#modelOf(data, nowMs));
    } else if (name === "change") {
      this.#change(data);
    } else if (name === "wake") {
      this.history.set(data.model, { ...this.historyOf(data.model), lastWake: this.#wakeOf(data) });
    }
  }

  /** The stream begins anew, of another gateway perhaps: what was before is told by the next history. */
  begin() {
    this.history = new Map();
  }

  /** Takes an answer of `/api/history`; what the stream has told since it was made is kept. */
  takeHistory({ now, since, models }, nowMs) {
    const wasAheadMs = this.#aheadMs;
    this.#aheadMs = Date.parse(now) - nowMs;
    const movedMs = wasAheadMs - this.#aheadMs;
    this.sinceMs = this.#here(since);
    const told = this.history;
    this.history = new Map(models.map(({ name, changes, lastWake }) => {
      const known = changes.map(({ at, ...rest }) => ({ ...rest, atMs: this.#here(at) }));
      const lastMs = known.at(-1)?.atMs ?? -Infinity;
      const later = (told.get(name)?.changes ?? [])
        .map((change) => ({ ...change, atMs: change.atMs + movedMs }))
        .filter(({ atMs }) => atMs > lastMs + 1);
      return [name, {
        changes: [...known, ...later],
        lastWake: lastWake ? this.#wakeOf(lastWake) : told.get(name)?.lastWake ?? null,
      }];
    }));
    this.models = new Map(
      [...this.models].map((
        [name, model],
      ) => [name, { ...model, sinceMs: this.#here(model.since) }]),
    );
  }

  historyOf(name) {
    return this.history.get(name) ?? NO_HISTORY;
  }

  #change({ model: name, at, state, was, reason }) {
    const atMs = this.#here(at);
    const model = this.models.get(name);
    // It may have been told with its model already: a change to `idle` is told once that has lasted.
    if (model && model.state !== state) {
      // Its numbers follow within a second; that it is in another state is seen at once.
      const { failure, ...same } = model;
      this.models.set(name, {
        ...same,
        ...{
          state,
          since: at,
          sinceMs: atMs,
          reason,
          progress: null,
          phases: {},
          sleepsAtMs: null,
        },
        failure: state === "failed" ? failure : null,
      });
    }
    if (isUp(state) && isUp(was)) return;
    const { changes, lastWake } = this.historyOf(name);
    const all = [...changes, { atMs, state, reason }].slice(-CHANGES_MAX);
    this.history.set(name, { changes: all, lastWake });
  }

  #modelOf(view, nowMs) {
    const { sleepsInSeconds, failure } = view;
    const inMs = (seconds) => nowMs + seconds * 1_000;
    return {
      ...{ replicas: null, pods: [], gpu: null, pinnedUntil: null },
      ...view,
      sinceMs: this.#here(view.since),
      sleepsAtMs: sleepsInSeconds === null ? null : inMs(sleepsInSeconds),
      failure: failure && { ...failure, retryAtMs: inMs(failure.retryInSeconds) },
      pinnedUntilMs: view.pinnedUntil ? this.#here(view.pinnedUntil) : null,
    };
  }

  #wakeOf(wake) {
    return { ...wake, beganMs: this.#here(wake.began) };
  }

  #here(moment) {
    return Date.parse(moment) - this.#aheadMs;
  }
}

const NO_HISTORY = { changes: [], lastWake: null };

function isUp(state) {
  return state === "active" || state === "idle";
}
