/**
 * The gateway's own Lease: made, renewed, made again when it has gone. All that is to be said goes with one write,
 * one write at a time, each over the one before; an ack at once, claims every two seconds at most.
 */
import { ApiError, MERGE_PATCH } from "./api.ts";
import { Fence } from "./fence.ts";
import { deleteLease, leaseBody, leasesPath, listLeases } from "./lease.ts";
import { OwnClaims } from "./own_claims.ts";
import { OwnTrouble } from "./own_trouble.ts";
import type { KubernetesObject, WatchTools } from "./reflector.ts";

export interface OwnLeaseOptions extends WatchTools {
  readonly namespace: string;
  readonly identity: string;
  /** It was written. */
  readonly onWritten: () => void;
  /** It was not. */
  readonly onTrouble: () => void;
  /** It had gone, others may have agreed without us; now there is a new one. Told before `onWritten`. */
  readonly onLost: () => void;
}

const RENEW_MS = 20_000;
/** Never sooner: three writes a minute are what a gateway may cost. */
const RENEW_JITTER_MS = 2_000;
const CLAIMS_GAP_MS = 2_000;
/** Of one write, each after a look at what stands in its way. */
const TRIES_MAX = 4;

interface Said {
  readonly serves: ReadonlySet<string>;
  readonly acks: ReadonlyMap<string, string>;
  readonly body: ReturnType<typeof leaseBody>;
  done(): void;
}

export class OwnLease {
  readonly claims: OwnClaims;
  readonly #trouble: OwnTrouble;
  readonly #holder: string;
  #name: string;
  /** As it was written last; undefined: there is none. */
  #version: string | undefined;
  readonly #fence: Fence;
  #acks = new Map<string, string>();
  #ackedThere: ReadonlyMap<string, string> = new Map();
  readonly #serves = new Set<string>();
  /** What the Lease says of it. */
  #servesThere: ReadonlySet<string> | undefined;
  #hasStarted = false;
  #hasJoined = false;
  #isLost = false;
  #isUrgent = true;
  #claimsWrittenMs = -Infinity;
  #renewMs = -Infinity;
  #timer: Disposable | undefined;
  #writing: Promise<void> | undefined;
  readonly #end = new AbortController();

  constructor(readonly options: OwnLeaseOptions) {
    this.#name = `vllm-autoscaler-${options.identity}`;
    this.#holder = `${options.identity}_${options.random.uuid()}`;
    this.claims = new OwnClaims(options.clock);
    this.#fence = new Fence(options.clock);
    this.#trouble = new OwnTrouble(options);
  }

  get name(): string {
    return this.#name;
  }

  get isThere(): boolean {
    return this.#version !== undefined;
  }

  /** It is there, and nobody can have taken us for dead. */
  get isFresh(): boolean {
    return this.isThere && this.#fence.isFresh;
  }

  /**
   * This process was paused, and others may have taken it for dead. Who is cut off knows that from its failures, and
   * goes on.
   */
  get isFenced(): boolean {
    if (!this.#hasStarted || this.isFresh || this.refusal !== undefined) return false;
    return this.#end.signal.aborted || !this.#fence.isCutOff;
  }

  /** The API server's words when it refuses our Lease, and that is believed. */
  get refusal(): string | undefined {
    return this.#trouble.refusal;
  }

  start(): void {
    this.#hasStarted = true;
    this.plan();
  }

  /** Requests are about to be sent to the workload `key`: others may not agree without us any more. */
  serve(key: string): void {
    this.#serves.add(key);
    if (!this.isServing(key)) this.writeNow();
  }

  /** The others know it, who look now. */
  isServing(key: string): boolean {
    return this.isThere && this.#servesThere?.has(key) === true;
  }

  /** Nothing is sent there any more: told with the next write. */
  unserve(key: string): void {
    this.#serves.delete(key);
  }

  /** The next write carries it. */
  ack(key: string, token: string): void {
    this.#acks.set(key, token);
    if (!this.hasAcked(key, token)) this.writeNow();
  }

  /** `token` is to be said of `key`, or was. */
  means(key: string, token: string): boolean {
    return this.#acks.get(key) === token;
  }

  hasAcked(key: string, token: string): boolean {
    return this.#ackedThere.get(key) === token;
  }

  /** Nobody waits for it any more; what is said stays said. */
  forget(key: string, token: string): void {
    if (this.means(key, token) && !this.hasAcked(key, token)) this.#acks.delete(key);
  }

  /** It is not fresh, and somebody needs it to be. Under way already, that is what is waited for. */
  renew(): void {
    if (!this.#writing) this.writeNow();
  }

  writeNow(): void {
    this.#isUrgent = true;
    this.plan();
  }

  /** Its Lease as a watch has it: somebody may have taken it from us. */
  see(holder: string | undefined): void {
    if (this.isThere && holder !== this.#holder) this.writeNow();
  }

  /** Sets the timer of the next write. */
  plan(): void {
    if (!this.#hasStarted || this.#writing || this.#end.signal.aborted) return;
    const { clock } = this.options;
    this.#timer?.[Symbol.dispose]();
    this.#timer = clock.timer(Math.max(0, this.#nextMs() - clock.nowMs()), () => this.#turn());
  }

  /** Stops, and deletes it. */
  async leave(signal: AbortSignal): Promise<void> {
    this.#end.abort(new Error("the gateway leaves"));
    this.#timer?.[Symbol.dispose]();
    await this.#writing;
    const { api, namespace } = this.options;
    // A write whose answer was not waited for may be there all the same.
    const lease = (await listLeases(api, namespace, signal))
      .find(({ name, holder }) => name === this.#name && holder === this.#holder);
    this.#version = undefined;
    if (lease) await deleteLease(api, namespace, lease, signal);
  }

  #nextMs(): number {
    if (this.#trouble.retryMs !== undefined) return this.#trouble.retryMs;
    if (this.#isUrgent) return -Infinity;
    const claimsMs = Math.max(this.claims.dueMs, this.#claimsWrittenMs + CLAIMS_GAP_MS);
    return Math.min(this.#renewMs, claimsMs);
  }

  #turn(): void {
    this.claims.review();
    if (this.#nextMs() > this.options.clock.nowMs()) return this.plan();
    this.#writing = this.#write().finally(() => {
      this.#writing = undefined;
      this.plan();
    });
  }

  async #write(): Promise<void> {
    const { clock, random, onLost, onWritten } = this.options;
    const began = this.#fence.now();
    this.#isUrgent = false;
    if (this.claims.dueMs <= clock.nowMs()) this.#claimsWrittenMs = clock.nowMs();
    try {
      await this.#put();
    } catch (error) {
      if (this.#end.signal.aborted) return;
      this.#trouble.met(error as Error);
      this.#fence.failed(began);
      return this.options.onTrouble();
    }
    this.#trouble.over();
    this.#renewMs = began.ms + RENEW_MS + RENEW_JITTER_MS * random.next();
    const wasLost = this.#isLost;
    this.#hasJoined = true;
    this.#isLost = false;
    // Nobody may find us fresh before it has heard of that.
    if (wasLost) onLost();
    onWritten();
  }

  /** Writes all that is to be said; a Lease that is not as we left it is looked at first. */
  async #put(): Promise<void> {
    for (let tries = 1;; tries++) {
      const began = this.#fence.now();
      const said = this.#say();
      try {
        const object = await this.#send(said);
        this.#version = object.metadata.resourceVersion;
        this.#fence.succeeded(began);
        this.#ackedThere = said.acks;
        this.#servesThere = said.serves;
        return said.done();
      } catch (error) {
        const status = error instanceof ApiError ? error.status : 0;
        const isOther = status === 409 || (status === 404 && this.isThere);
        if (!isOther || tries === TRIES_MAX) throw error;
        await this.#look(status);
      }
    }
  }

  #say(): Said {
    const acks = new Map(this.#acks);
    const { claims, done } = this.claims.say();
    const renewWallMs = this.options.clock.wallMs();
    const serves = new Set(this.#serves);
    const isSaid = this.isThere && this.#servesThere !== undefined &&
      serves.symmetricDifference(this.#servesThere).size === 0;
    return {
      ...{ acks, serves, done },
      body: leaseBody({
        ...{ holder: this.#holder, claims, acks, renewWallMs },
        serves: isSaid ? undefined : [...serves],
      }),
    };
  }

  #send({ body: { metadata, spec } }: Said): Promise<KubernetesObject> {
    const { api, namespace } = this.options;
    const { signal } = this.#end;
    const list = leasesPath(namespace);
    if (this.#version === undefined) {
      const object = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", spec };
      return api.call({
        ...{ verb: "create", method: "POST", path: list, signal },
        body: { ...object, metadata: { ...metadata, name: this.#name } },
      });
    }
    const path = `${list}/${this.#name}`;
    return api.call({
      ...{ verb: "patch", method: "PATCH", path, signal, contentType: MERGE_PATCH },
      body: { metadata: { ...metadata, resourceVersion: this.#version }, spec },
    });
  }

  /** Whose is the Lease now that stands in our way? */
  async #look(status: number): Promise<void> {
    const { api, namespace } = this.options;
    const lease = status === 404
      ? undefined
      : (await listLeases(api, namespace, this.#end.signal)).find(({ name }) =>
        name === this.#name
      );
    // A write of ours whose answer did not come, or the process before us: its acks go with it.
    if (lease && (lease.holder === this.#holder || !this.#hasJoined)) {
      this.#version = lease.resourceVersion;
      this.#servesThere = undefined;
      return;
    }
    if (this.#hasJoined && this.isThere) this.#lose();
    // Somebody calls itself as we do, and lives: two names are better than one Lease for both.
    if (lease) this.#name += `-${this.options.random.uuid().slice(0, 8)}`;
  }

  /** We were taken for dead: whatever we had agreed to may be done, and our next Lease says nothing of it. */
  #lose(): void {
    this.options.log.warn("the gateway's Lease was taken away", { lease: this.#name });
    this.#version = this.#servesThere = undefined;
    this.#isLost = true;
    for (const [key, token] of this.#ackedThere) {
      if (this.means(key, token)) this.#acks.delete(key);
    }
    this.#ackedThere = new Map();
  }
}
