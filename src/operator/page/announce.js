/** Changes of state for who hears the page: a sentence now and then, however much happens; pure but for its timer. */

const QUIET_MS = 3_000;
const NAMED_MAX = 3;

export class Announcer {
  #changes = new Map();
  #timer;

  /** `say` takes a sentence. */
  constructor(say) {
    this.say = say;
  }

  changed({ model, state }) {
    this.#changes.set(model, state);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.say(sentenceOf(this.#changes));
      this.#changes = new Map();
    }, QUIET_MS);
  }
}

/** Of models by name, with the state that each is in now. */
export function sentenceOf(changes) {
  if (changes.size <= NAMED_MAX) {
    return [...changes].map(([model, state]) => `${model} is ${state}.`).join(" ");
  }
  const counts = Object.groupBy(changes.values(), (state) => state);
  const parts = Object.entries(counts).map(([state, all]) => `${all.length} ${state}`);
  return `${changes.size} models have changed: ${parts.join(", ")}.`;
}
