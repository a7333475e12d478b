/**
 * This gateway among the others: each has a Lease of its own, says in it what it uses and what it agrees to, and
 * reads those of the others. Nobody leads; whoever is silent for as long as its Lease lasts is expelled.
 */
import { News } from "../../lib/news.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Random } from "../../platform/random.ts";
import type { Log } from "../../telemetry/log.ts";
import { ApiError, ApiUnreachable, type KubernetesApi } from "./api.ts";
import type { LeaseClaim, LeaseView } from "./lease.ts";
import { OwnLease } from "./own_lease.ts";
import { hasAck, Peers } from "./peers.ts";

export interface MembershipOptions {
  readonly api: KubernetesApi;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Where the Leases are. */
  readonly namespace: string;
  /** `POD_NAME`, else the host name: fit for a name, and nobody else's. */
  readonly identity: string;
}

export interface MembershipListener {
  /** What others say has changed: a claim, an ack, a Lease that came or went. */
  changed(): void;
  /**
   * Our Lease was gone, so that others may have agreed without us, and a new one is written: told in the tick in which
   * `isFresh` becomes true again, so that every gate can be closed before it is looked at anew.
   */
  lapsed(): void;
  /** `isFenced` may have become false. */
  unfenced(): void;
}

const LEAVE_MAX_MS = 2_000;
/** Who waits for an ack trusts the watch, and asks now and then as well. */
const LIST_AGAIN_MS = 10_000;
const RETRY_MS = 1_000;

export class Membership {
  readonly #own: OwnLease;
  readonly #peers: Peers;
  readonly #news = new News();
  readonly #listeners = new Set<MembershipListener>();
  #hasStarted = false;
  #left: Promise<void> | undefined;

  constructor(readonly options: MembershipOptions) {
    this.#own = new OwnLease({
      ...options,
      onLost: () => this.#tell((listener) => listener.lapsed()),
      onWritten: () => this.#written(),
      onTrouble: () => this.#tried(),
    });
    this.#peers = new Peers({
      ...options,
      isOwn: (name) => name === this.name,
      onOwn: (holder) => this.#own.see(holder),
      onChange: () => this.#changed(),
      onContact: () => this.#news.tell(),
    });
  }

  /**
   * Of the own Lease: `vllm-autoscaler-<identity>`; with more behind it once another process has taken that, which
   * lives and calls itself the same.
   */
  get name(): string {
    return this.#own.name;
  }

  /**
   * The own Lease is there, and its last write that succeeded began less than `FENCE_MS` ago: by our clock, and by the
   * one on the wall, which goes on while a machine is suspended.
   */
  get isFresh(): boolean {
    return this.#own.isFresh;
  }

  /**
   * This process was paused for so long that others may have taken it for dead: nothing is sent until it has written
   * its Lease, or knows that it cannot. The next claim tries at once.
   */
  get isFenced(): boolean {
    return this.#own.isFenced;
  }

  /** The API server's words when it refuses us what is needed here, and that is believed. */
  get refusal(): string | undefined {
    return this.#own.refusal ?? this.#peers.refusal;
  }

  /** Writes the own Lease, and watches the others. Idempotent. */
  start(): void {
    if (this.#hasStarted || this.#left) return;
    this.#hasStarted = true;
    this.#peers.start();
    this.#own.start();
  }

  /**
   * Resolves while the own Lease says that requests are sent to the workload `key`, and the others are listed: only
   * who looks after that sees every announcement that may pass it by. At once if we may not have a Lease: then
   * nothing may be put to sleep. Rejects with the signal's reason.
   */
  serving(key: string, signal: AbortSignal): Promise<void> {
    this.#own.serve(key);
    return this.#until(
      () => this.refusal !== undefined || (this.#own.isServing(key) && this.#peers.isListed),
      signal,
    );
  }

  /** Nothing is sent there any more. */
  unserve(key: string): void {
    this.#own.unserve(key);
  }

  listen(listener: MembershipListener): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /**
   * The workload `key` is in use, or has been until now. Told at once when what was told last is older than a
   * quarter of `idleTimeoutMs`, all in at most one write in 2 s; else with the next renewal.
   */
  claim(key: string, isInUse: boolean, idleTimeoutMs: number): void {
    const { claims } = this.#own;
    const { dueMs } = claims;
    claims.set(key, isInUse, idleTimeoutMs);
    if (!this.#hasStarted) return;
    // Whoever uses it waits for that.
    if (!this.isFresh) this.#own.renew();
    else if (claims.dueMs < dueMs) this.#own.plan();
  }

  /** Of live others, and one more for the last use by those that have gone. */
  claimsOf(key: string): LeaseClaim[] {
    return this.#peers.claimsOf(key);
  }

  /** Since another gateway last used the workload `key`; `Infinity`: none is known to have. */
  usedAgoMs(key: string): number {
    return Math.min(...this.claimsOf(key).map(({ quietMs }) => quietMs));
  }

  /** True if the Lease of another gateway is there, which says so: one that is out is deleted first. */
  isServing(name: string, key: string): boolean {
    return this.#peers.isServing(name, key);
  }

  /**
   * Says in the own Lease, at once, that `token` is agreed to; the one before of the same `key` is forgotten.
   * Resolves when it is written. Rejects with the signal's reason, and when a newer one takes its place.
   */
  async ack(key: string, token: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const own = this.#own;
    own.ack(key, token);
    this.#news.tell();
    try {
      await this.#until(() => own.hasAcked(key, token) || !own.means(key, token), signal);
    } catch (error) {
      own.forget(key, token);
      throw error;
    }
    if (!own.hasAcked(key, token)) throw new Error(`cannot agree to sleep ${key}: asked anew`);
  }

  /**
   * Lists the Leases by a consistent read that begins after the call, then resolves when each other one that serves
   * the workload `key` has acked `token`, has left, or was expelled. Rejects with the signal's reason.
   */
  async agreed(key: string, token: string, signal: AbortSignal): Promise<void> {
    for (;;) {
      const { gone } = this.#peers;
      const missing = (await this.#list(signal))
        .filter((lease) => (lease.serves?.has(key) ?? true) && !hasAck(lease, token));
      const isAgreed = () => missing.every(({ name }) => this.#peers.hasAcked(name, token));
      // Whoever has gone may have come again, which only a list can tell.
      await this.#untilAtMost(LIST_AGAIN_MS, () => isAgreed() || this.#peers.gone > gone, signal);
      if (isAgreed()) return;
    }
  }

  /** Stops, and deletes the own Lease so that nobody waits for it. Never rejects, gives up after 2 s. */
  leave(): Promise<void> {
    return this.#left ??= this.#leave();
  }

  async #leave(): Promise<void> {
    const over = new AbortController();
    const late = Promise.withResolvers<void>();
    using _timer = this.options.clock.timer(LEAVE_MAX_MS, () => {
      over.abort(new Error("the API server does not answer"));
      late.resolve();
    });
    const ends = this.#hasStarted ? [this.#own.leave(over.signal), this.#peers.close()] : [];
    // Whoever waits for others waits in vain.
    queueMicrotask(() => this.#news.tell());
    const all = Promise.all(ends).catch((error: Error) => {
      const lease = this.name;
      this.options.log.warn("the gateway's Lease stays behind", { lease, reason: error.message });
    });
    await Promise.race([all, late.promise]);
  }

  #written(): void {
    this.#peers.retryNow();
    this.#tried();
  }

  /** The own Lease was written, or that failed. */
  #tried(): void {
    this.#news.tell();
    if (!this.isFenced) this.#tell((listener) => listener.unfenced());
  }

  #changed(): void {
    this.#news.tell();
    this.#tell((listener) => listener.changed());
  }

  #tell(how: (listener: MembershipListener) => void): void {
    for (const listener of [...this.#listeners]) how(listener);
  }

  /** Tries until it is answered. */
  async #list(signal: AbortSignal): Promise<LeaseView[]> {
    for (;;) {
      let answer: LeaseView[] | Error | undefined;
      this.#peers.list().catch((error: Error) => error).then((list) => {
        answer = list;
        this.#news.tell();
      });
      await this.#until(() => answer !== undefined, signal);
      if (!(answer instanceof Error)) return answer!;
      if (!(answer instanceof ApiError || answer instanceof ApiUnreachable)) throw answer;
      const waitMs = RETRY_MS * (0.5 + this.options.random.next());
      await this.#untilAtMost(waitMs, () => false, signal);
    }
  }

  async #untilAtMost(ms: number, holds: () => boolean, signal: AbortSignal): Promise<void> {
    let isOver = false;
    using _timer = this.options.clock.timer(ms, () => {
      isOver = true;
      this.#news.tell();
    });
    await this.#until(() => isOver || holds(), signal);
  }

  async #until(holds: () => boolean, signal: AbortSignal): Promise<void> {
    await this.#news.until(() => this.#left !== undefined || holds(), signal);
    if (this.#left) throw new Error("the gateway leaves");
  }
}
