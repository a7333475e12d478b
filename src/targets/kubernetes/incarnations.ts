/**
 * How new an observation of a workload is, as one number: it grows with each generation, and begins higher
 * with an object that was made anew under its name, whose generations begin anew.
 */
import type { WorkloadView } from "./views.ts";

/** More generations than any object lives to see. */
const GENERATIONS = 2 ** 20;
/** Times of creation have seconds: so many objects of one name in one second are told apart. */
const IN_A_SECOND = 32;
/** 2020: no cluster of ours is older, and the number stays one that counts exactly. */
const EPOCH_S = 1_577_836_800;

export class Incarnations {
  #createdS = 0;
  /** Those that were made in that second, in the order in which they were seen. */
  #uids: string[] = [];

  asOf({ uid, createdS }: WorkloadView, generation: number): number {
    const second = Math.max(0, createdS - EPOCH_S) * IN_A_SECOND;
    return (second + this.#rank(uid, createdS)) * GENERATIONS + generation;
  }

  #rank(uid: string, createdS: number): number {
    // News of one that was made earlier is late.
    if (createdS < this.#createdS) return 0;
    if (createdS > this.#createdS) {
      this.#createdS = createdS;
      this.#uids = [];
    }
    if (!this.#uids.includes(uid)) this.#uids.push(uid);
    return Math.min(this.#uids.indexOf(uid), IN_A_SECOND - 1);
  }
}
