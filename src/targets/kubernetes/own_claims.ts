/**
 * What this gateway has to say of the workloads that it uses, and when that has to be said: the first use at
 * once, a later one when what was said is older than a quarter of the idle timeout. Whatever is written before
 * that carries the newest for nothing.
 */
import type { Clock } from "../../platform/clock.ts";
import type { LeaseClaim } from "./lease.ts";

interface Use {
  isInUse: boolean;
  /** Used last, by our clock; while in use: since then. */
  usedMs: number;
  /** A quarter of the idle timeout. */
  lateMs: number;
  /** What was said last: that it is in use, or when it was used. */
  said: "in use" | number;
}

/** What goes into one write. */
export interface ClaimsSaid {
  readonly claims: ReadonlyMap<string, LeaseClaim>;
  /** It was written. */
  done(): void;
}

export class OwnClaims {
  readonly #uses = new Map<string, Use>();
  #dueMs = Infinity;

  constructor(readonly clock: Clock) {}

  /** When something has to be said at the latest, by our clock; it may turn out to be later. */
  get dueMs(): number {
    return this.#dueMs;
  }

  /** It is in use, or has been until now. */
  set(key: string, isInUse: boolean, idleTimeoutMs: number): void {
    const use = this.#uses.get(key) ?? { isInUse, usedMs: 0, lateMs: 0, said: -Infinity };
    use.isInUse = isInUse;
    use.usedMs = this.clock.nowMs();
    use.lateMs = idleTimeoutMs / 4;
    this.#uses.set(key, use);
    this.#dueMs = Math.min(this.#dueMs, dueOf(use));
  }

  /** Looks at all of them: what was due may have been taken back. */
  review(): void {
    this.#dueMs = Infinity;
    for (const use of this.#uses.values()) this.#dueMs = Math.min(this.#dueMs, dueOf(use));
  }

  say(): ClaimsSaid {
    const nowMs = this.clock.nowMs();
    const uses = [...this.#uses].map(([key, use]) => ({ key, use, ...use }));
    return {
      claims: new Map(uses.map(({ key, isInUse, usedMs }) => [
        key,
        { isInUse, quietMs: isInUse ? 0 : nowMs - usedMs },
      ])),
      done: () => {
        for (const { use, isInUse, usedMs } of uses) use.said = isInUse ? "in use" : usedMs;
        this.review();
      },
    };
  }
}

function dueOf({ isInUse, usedMs, lateMs, said }: Use): number {
  if (isInUse) return said === "in use" ? Infinity : said + lateMs;
  // The others go on taking it for used: no harm for a while.
  if (said === "in use") return usedMs + lateMs;
  return usedMs > said ? said + lateMs : Infinity;
}
