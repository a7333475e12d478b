/** Which models are shown, and in which order; pure. */

/** The states by what an operator looks for. */
export const GROUPS = {
  up: ["active", "idle"],
  changing: ["waking", "stopping", "unknown"],
  asleep: ["asleep"],
  failed: ["failed"],
};

/** How a state stands among others: what needs somebody first. */
const URGENCY = ["failed", "unknown", "waking", "stopping", "active", "idle", "asleep"];

/** By column: what is compared, the smallest first; `null` always comes last. */
const KEYS = {
  name: ({ name }) => name.toLowerCase(),
  state: ({ state }) => URGENCY.indexOf(state),
  pending: ({ pending }) => pending,
  inFlight: ({ inFlight }) => inFlight,
  sleepsIn: ({ sleepsAtMs }) => sleepsAtMs,
  replicas: ({ replicas }) => replicas?.ready ?? null,
  lastWake: (_, history) => history?.lastWake?.seconds ?? null,
  freed: ({ gpu }) => gpu?.today.freedSeconds ?? null,
};

/** Columns that are looked at from the largest down. */
export const DESCENDING_FIRST = ["pending", "inFlight", "replicas", "lastWake", "freed"];

export function countByGroup(models) {
  const counts = { all: models.length };
  for (const [group, states] of Object.entries(GROUPS)) {
    counts[group] = models.filter(({ state }) => states.includes(state)).length;
  }
  return counts;
}

/** `text`: words that must all be found in name, target, state or reason. */
export function shownModels(models, historyOf, { text, group, sort, descending }) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = models.filter((model) =>
    (group === "all" || GROUPS[group].includes(model.state)) &&
    words.every((word) => has(model, word))
  );
  const key = KEYS[sort];
  const sign = descending ? -1 : 1;
  return shown
    .map((model) => [key(model, historyOf(model.name)), model])
    .sort(([a, one], [b, other]) => {
      if (a === b) return one.name < other.name ? -1 : 1;
      if (a === null || b === null) return a === null ? 1 : -1;
      return (a < b ? -1 : 1) * sign;
    })
    .map(([, model]) => model);
}

function has({ name, target, state, reason }, word) {
  return [name, target, state, reason].some((field) => field.toLowerCase().includes(word));
}
