/**
 * One target's part in what the gateways say to each other of its workload. Two targets of one gateway may have the same
 * workload for a while, an old one that still answers and its successor: the gateway serves and uses it while either does.
 */
import type { Membership } from "./membership.ts";
import type { Announcement, WorkloadView } from "./views.ts";

/** Of one gateway, by the path of the workload. */
export type Serving = Map<string, Set<WorkloadMembership>>;

export class WorkloadMembership {
  #isUsed = false;
  readonly #here: Set<WorkloadMembership>;

  /** `path` is the workload's, `serving` that of all targets of the gateway. */
  constructor(readonly membership: Membership, readonly path: string, readonly serving: Serving) {
    this.#here = serving.get(path) ?? new Set();
    serving.set(path, this.#here.add(this));
  }

  /** As {@link Membership.serving}. */
  join(signal: AbortSignal): Promise<void> {
    return this.membership.serving(this.path, signal);
  }

  use(isUsed: boolean, idleTimeoutMs: number): void {
    this.#isUsed = isUsed;
    this.membership.claim(this.path, [...this.#here].some((each) => each.#isUsed), idleTimeoutMs);
  }

  usedAgoMs(): number {
    return this.membership.usedAgoMs(this.path);
  }

  /** The announcement of another gateway that lives and serves it: one that does not any more will not come back to it. */
  othersAnnouncement(workload: WorkloadView | undefined): Announcement | undefined {
    const announced = workload?.announced;
    return announced && this.isOther(announced.by) ? announced : undefined;
  }

  /** That it lives and serves the workload. */
  isOther(name: string): boolean {
    const { membership } = this;
    return name !== membership.name && membership.isServing(name, this.path);
  }

  close(): void {
    this.#here.delete(this);
    if (this.#here.size > 0) return;
    this.serving.delete(this.path);
    this.membership.unserve(this.path);
  }
}
