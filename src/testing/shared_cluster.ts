/**
 * The cluster of the two-gateways world: one workload with a mark on it, two gateways' Leases, and news that comes to
 * each gateway late, in order, or is overtaken.
 */
import type { Observation, SleepMode } from "../activator/scale_target.ts";
import { SmallCluster } from "./small_cluster.ts";

/** The announcement on the workload; it stands as long as what is wanted of the workload stays as it was. */
export interface Mark {
  readonly token: number;
  readonly by: number;
  readonly generation: number;
  readonly mode: SleepMode;
}

export interface News {
  readonly observation: Observation;
  /** The token that it showed. */
  readonly token: number | undefined;
  /** That of the gateway to which it goes, if it stood. */
  readonly own: number | undefined;
}

export interface Lease {
  /** Its gateway's process runs. */
  isHeld: boolean;
  isThere: boolean;
  /** It was taken away from a gateway that lives, paused or cut off for too long; it has not renewed since. */
  isOut: boolean;
  /** Its gateway cannot reach the API server. */
  isCut: boolean;
  ack: number | undefined;
}

export class SharedCluster {
  readonly workload = new SmallCluster();
  readonly leases: readonly Lease[];
  readonly news: readonly News[][];
  #mark: Mark | undefined;
  #tokens = 0;

  /** `believesTheDead`, a planted bug: a mark counts whoever made it. */
  constructor(gateways: number, readonly believesTheDead = false) {
    this.leases = Array.from({ length: gateways }, () => ({
      ...{ isHeld: true, isThere: false, isOut: false, isCut: false, ack: undefined },
    }));
    this.news = this.leases.map(() => []);
  }

  /** Undefined unless it stands. */
  get mark(): Mark | undefined {
    const { desired, generation } = this.workload;
    return desired > 0 && this.#mark?.generation === generation ? this.#mark : undefined;
  }

  /** The mark that another gateway made than `gateway`, and lives. */
  othersMark(gateway: number): Mark | undefined {
    const { mark } = this;
    const isOther = mark !== undefined && mark.by !== gateway;
    return isOther && (this.believesTheDead || this.leases[mark.by]!.isThere) ? mark : undefined;
  }

  /** What `gateway` reads. */
  look(gateway: number): News {
    return this.#seenBy(gateway, this.workload.look());
  }

  /** Its Lease is written: a new one if there was none. */
  renew(gateway: number): void {
    const lease = this.leases[gateway]!;
    if (!lease.isThere) lease.ack = undefined;
    Object.assign(lease, { isThere: true, isOut: false });
  }

  /** Somebody takes it away; one whose process lives finds out when it renews. */
  expel(gateway: number): void {
    const lease = this.leases[gateway]!;
    Object.assign(lease, { isThere: false, isOut: lease.isHeld });
  }

  /** A watch that was cut off lists anew. */
  reconnect(gateway: number): void {
    this.leases[gateway]!.isCut = false;
    this.news[gateway]!.splice(0, Infinity, this.#seenBy(gateway, this.workload.watched()));
  }

  announce(by: number, mode: SleepMode): Mark {
    const { generation } = this.workload;
    this.#mark = { token: ++this.#tokens, by, generation, mode };
    this.#publish();
    return this.#mark;
  }

  removeMark(): void {
    if (!this.mark) return;
    this.#mark = undefined;
    this.#publish();
  }

  scale(desired: number, byUs: boolean): void {
    this.workload.scale(desired, byUs);
  }

  step(): void {
    this.workload.step();
    this.#publish();
  }

  key(fences: readonly number[]): unknown[] {
    const { generation } = this.workload;
    const token = (value: number | undefined) => value === undefined ? "" : value - this.#tokens;
    return [
      this.workload.key(generation),
      fences.map((fence) => generation - fence),
      this.mark && [token(this.mark.token), this.mark.by, this.mark.mode],
      this.leases.map(({ ack, ...lease }) => [...Object.values(lease), token(ack)]),
      this.news.map((queue) =>
        queue.map(({ observation: { workload, asOf }, token: seen, own }) => [
          ...[workload.phase, asOf - generation, token(seen), token(own)],
        ])
      ),
    ];
  }

  #publish(): void {
    // What the workload itself says has no gateway to go to.
    this.workload.news.length = 0;
    const observation = this.workload.watched();
    this.news.forEach((queue, gateway) => {
      if (this.leases[gateway]!.isCut) return;
      if (queue.length >= 2) queue.pop();
      queue.push(this.#seenBy(gateway, observation));
    });
  }

  #seenBy(gateway: number, observation: Observation): News {
    const { mark } = this;
    const { workload: { phase }, asOf } = observation;
    const own = mark?.by === gateway ? mark.token : undefined;
    const others = this.othersMark(gateway);
    if (!others || phase === "none") return { observation, token: undefined, own };
    const { mode, token } = others;
    return { observation: { workload: { phase: "announced", mode }, asOf }, token, own };
  }
}
