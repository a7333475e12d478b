/** What became of the requests of a soak: each is answered as it should be, cut by its own client, or lost. */

/** `refused`: an error that was expected. All else is a lost request, which throws. */
export type Outcome = typeof OUTCOMES[number];

export const OUTCOMES = ["answered", "refused", "left"] as const;

const FAULT_LENGTH_MAX = 120;

export class Ledger {
  readonly #counts = new Map<string, Map<Outcome, number>>();
  readonly #lost = new Map<string, number>();

  took(kind: string, outcome: Outcome): void {
    const own = this.#counts.get(kind) ?? new Map<Outcome, number>();
    this.#counts.set(kind, own.set(outcome, (own.get(outcome) ?? 0) + 1));
  }

  lost(kind: string, error: unknown): void {
    const why = `${kind}: ${(error as Error).message ?? error}`.slice(0, FAULT_LENGTH_MAX);
    this.#lost.set(why, (this.#lost.get(why) ?? 0) + 1);
  }

  get kinds(): readonly string[] {
    return [...this.#counts.keys()].toSorted();
  }

  /** Of one kind, or of all. */
  count(outcome: Outcome, kind?: string): number {
    const of = kind === undefined ? [...this.#counts.values()] : [this.#counts.get(kind)];
    return of.reduce((sum, counts) => sum + (counts?.get(outcome) ?? 0), 0);
  }

  get all(): number {
    return OUTCOMES.reduce((sum, outcome) => sum + this.count(outcome), this.lostCount);
  }

  get lostCount(): number {
    return [...this.#lost.values()].reduce((sum, count) => sum + count, 0);
  }

  /** How often each thing went wrong. */
  get faults(): string {
    return [...this.#lost].map(([why, count]) => `${count} x ${why}`).join("; ") || "none";
  }

  get summary(): string {
    const { all, lostCount, faults } = this;
    const [answered, refused, left] = OUTCOMES.map((outcome) => this.count(outcome));
    return `${all} requests: ${answered} answered, ${refused} refused as expected, ` +
      `${left} left by their client, ${lostCount} lost (${faults})`;
  }
}
