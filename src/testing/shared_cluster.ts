/**
 * The cluster of the two-gateways world: one workload with a mark on it, two gateways' Leases, and news that comes to
 * each gateway late, in order, or is overtaken.
 */
import type { Observation } from "../activator/scale_target.ts";
import { SmallCluster } from "./small_cluster.ts";

/** The announcement on the workload; it stands as long as what is wanted of the workload stays as it was. */
export interface Mark {
  readonly token: number;
  readonly by: number;
  readonly generation: number;
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
  /** It was not expelled. */
  isThere: boolean;
  ack: number | undefined;
}

export class SharedCluster {
  readonly workload = new SmallCluster();
  readonly leases: readonly Lease[];
  readonly news: readonly News[][];
  #mark: Mark | undefined;
  #tokens = 0;

  constructor(gateways: number) {
    this.leases = Array.from(
      { length: gateways },
      () => ({ isHeld: true, isThere: true, ack: undefined }),
    );
    this.news = this.leases.map(() => []);
  }

  /** Undefined unless it stands. */
  get mark(): Mark | undefined {
    const { desired, generation } = this.workload;
    return desired > 0 && this.#mark?.generation === generation ? this.#mark : undefined;
  }

  /** What `gateway` reads. */
  look(gateway: number): News {
    return this.#seenBy(gateway, this.workload.look());
  }

  announce(by: number): Mark {
    const { generation } = this.workload;
    this.#mark = { token: ++this.#tokens, by, generation };
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

  crash(): void {
    this.workload.crash();
    this.#publish();
  }

  key(fences: readonly number[]): unknown[] {
    const { generation } = this.workload;
    const token = (value: number | undefined) => value === undefined ? "" : value - this.#tokens;
    return [
      fences.map((fence) => this.workload.key(fence)[0]),
      fences.map((fence) => generation - fence),
      this.workload.key(fences[0]!)[1],
      this.mark && [token(this.mark.token), this.mark.by],
      this.leases.map(({ isHeld, isThere, ack }) => [isHeld, isThere, token(ack)]),
      this.news.map((queue) =>
        queue.map(({ observation: { workload, asOf }, token: seen, own }) => [
          ...[workload.phase, asOf - generation, token(seen), token(own)],
        ])
      ),
    ];
  }

  #publish(): void {
    // What the workload itself says has no gateway to go to.
    const observation = this.workload.news.pop() ?? this.workload.watched();
    this.workload.news.length = 0;
    this.news.forEach((queue, gateway) => {
      if (queue.length >= 2) queue.pop();
      queue.push(this.#seenBy(gateway, observation));
    });
  }

  #seenBy(gateway: number, observation: Observation): News {
    const { mark } = this;
    const isOther = mark !== undefined && mark.by !== gateway && this.leases[mark.by]!.isThere;
    const { phase } = observation.workload;
    const own = mark?.by === gateway ? mark.token : undefined;
    if (!isOther || phase === "none") return { observation, token: undefined, own };
    const { asOf } = observation;
    return { observation: { workload: { phase: "announced" }, asOf }, token: mark.token, own };
  }
}
