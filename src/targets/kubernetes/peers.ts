/**
 * The other gateways, by their Leases: what each says, since when it has said nothing, and the end of those who
 * are silent for too long. Only a read that began when a Lease was out, and shows it unchanged, is proof; and only
 * time counts in which the API server could be reached: while it is away, nobody can renew.
 */
import { ApiError } from "./api.ts";
import {
  deleteLease,
  LEASE_SELECTOR,
  type LeaseClaim,
  leasesPath,
  type LeaseView,
  leaseView,
  listLeases,
} from "./lease.ts";
import { isNewUse, LastUses, type Uses, usesOf } from "./last_uses.ts";
import { Reflector, type WatchTools } from "./reflector.ts";

export interface PeersOptions extends WatchTools {
  readonly namespace: string;
  readonly isOwn: (name: string) => boolean;
  /** The own Lease, as the watch has it; undefined: it is gone. */
  readonly onOwn: (holder: string | undefined) => void;
  /** What others say has changed, or who is there. */
  readonly onChange: () => void;
  /** The others are listed, or the watch has found or lost the API server. */
  readonly onContact: () => void;
}

interface Peer {
  readonly lease: LeaseView;
  readonly uses: Uses;
  /** What a list may have newer than the watch. */
  resourceVersion: string;
  /** By our clock: when it was new to us. */
  seenMs: number;
}

/**
 * All gateways renew every 20 s or so, we as well: whoever hears nothing for longer is cut off, and whoever was away
 * for less has time to renew before its Lease is out.
 */
const CONTACT_GAP_MS = 30_000;
/** So that not all gateways expel at once. */
const JITTER_MS = 1_000;
const AGAIN_MS = 5_000;

export class Peers {
  readonly #peers = new Map<string, Peer>();
  readonly #last: LastUses;
  readonly #end = new AbortController();
  #reflector: Reflector<LeaseView> | undefined;
  #heardMs: number;
  #timer: Disposable | undefined;
  #checking: Promise<void> | undefined;
  #trouble: string | undefined;
  /** Under way, or over. */
  #lastList: Promise<unknown> = Promise.resolve();
  #nextList: Promise<LeaseView[]> | undefined;
  /** How many have gone. */
  gone = 0;

  constructor(readonly options: PeersOptions) {
    this.#last = new LastUses(options.clock);
    this.#heardMs = options.clock.nowMs();
  }

  start(): void {
    const { namespace, onContact } = this.options;
    this.#heardMs = this.options.clock.nowMs();
    this.#reflector = new Reflector<LeaseView>({
      ...this.options,
      path: leasesPath(namespace),
      labels: LEASE_SELECTOR,
      pick: leaseView,
      onChange: (name, lease) => this.#take(name, lease),
      onContact,
    });
  }

  get isListed(): boolean {
    return this.#reflector?.isListed ?? false;
  }

  get refusal(): string | undefined {
    return this.#reflector?.refusal;
  }

  retryNow(): void {
    this.#reflector?.retryNow();
  }

  has(name: string): boolean {
    return this.#peers.has(name);
  }

  /** One whose Lease does not say what it serves may serve anything. */
  isServing(name: string, key: string): boolean {
    const peer = this.#peers.get(name);
    return peer !== undefined && (peer.lease.serves?.has(key) ?? true);
  }

  hasAcked(name: string, token: string): boolean {
    return hasAck(this.#peers.get(name)?.lease, token);
  }

  /** Of those that are there, and what is known of those that were. */
  claimsOf(key: string): LeaseClaim[] {
    const nowMs = this.options.clock.nowMs();
    const uses = [...this.#peers].filter(([name]) => !this.options.isOwn(name))
      .flatMap(([, { uses }]) => uses === "unknown" ? "in use" as const : uses.get(key) ?? []);
    return [...uses, ...this.#last.of(key)].map((used) =>
      used === "in use"
        ? { isInUse: true, quietMs: 0 }
        : { isInUse: false, quietMs: Math.max(0, nowMs - used) }
    );
  }

  /** A consistent read of the others that begins after the call; one for all who wait for it. @throws as `listLeases` does */
  list(): Promise<LeaseView[]> {
    return this.#nextList ??= this.#lastList.catch(() => {}).then(() => {
      this.#nextList = undefined;
      const list = this.#list();
      this.#lastList = list;
      return list;
    });
  }

  async #list(): Promise<LeaseView[]> {
    const { api, namespace, isOwn } = this.options;
    const { gone } = this;
    const leases = (await listLeases(api, namespace, this.#end.signal))
      .filter(({ name }) => !isOwn(name));
    this.#heard();
    // One that has gone meanwhile would stay: the watch tells of it no more.
    for (const lease of leases) if (this.has(lease.name) || this.gone === gone) this.#note(lease);
    return leases;
  }

  /** The API server answers. After a while in which it did not, all begin anew. */
  #heard(): void {
    const nowMs = this.options.clock.nowMs();
    if (nowMs - this.#heardMs > CONTACT_GAP_MS) {
      for (const peer of this.#peers.values()) peer.seenMs = nowMs;
    }
    this.#heardMs = nowMs;
  }

  async close(): Promise<void> {
    this.#end.abort(new Error("closed"));
    this.#timer?.[Symbol.dispose]();
    await Promise.all([this.#reflector?.close(), this.#checking]);
  }

  #take(name: string, lease: LeaseView | undefined): void {
    const { isOwn, onOwn, onChange } = this.options;
    this.#heard();
    if (isOwn(name)) onOwn(lease?.holder);
    if (!lease) return this.#left(name);
    const before = this.#peers.get(name);
    // A list shows again what is known.
    if (before?.lease.resourceVersion === lease.resourceVersion) return;
    const peer = this.#put(lease);
    if (isOwn(name)) return;
    if (before) this.#last.keep(before.uses, peer.uses);
    if (!before || isNews(before, peer)) onChange();
  }

  /** What the watch will tell later; until then what it told stays. */
  #note(lease: LeaseView): void {
    const peer = this.#peers.get(lease.name);
    if (!peer) {
      this.#put(lease);
      this.options.onChange();
    } else if (peer.resourceVersion !== lease.resourceVersion) {
      peer.resourceVersion = lease.resourceVersion;
      peer.seenMs = this.options.clock.nowMs();
    }
  }

  #put(lease: LeaseView): Peer {
    const seenMs = this.options.clock.nowMs();
    const { resourceVersion } = lease;
    const peer = { lease, resourceVersion, seenMs, uses: usesOf(lease, seenMs) };
    this.#peers.set(lease.name, peer);
    this.#plan();
    return peer;
  }

  /** It left, until when it may have used anything; or it was silent for so long that somebody expelled it. */
  #left(name: string): void {
    const nowMs = this.options.clock.nowMs();
    const peer = this.#peers.get(name);
    const isOut = peer !== undefined && nowMs - peer.seenMs >= peer.lease.durationMs;
    this.#drop(name, isOut ? peer.seenMs : nowMs);
  }

  #drop(name: string, lastMs: number): void {
    const peer = this.#peers.get(name);
    if (!peer) return;
    this.#peers.delete(name);
    if (this.options.isOwn(name)) return;
    this.#last.keep(peer.uses, new Map(), lastMs);
    this.gone++;
    this.options.onChange();
  }

  /** Those that have said nothing for as long as their Lease lasts. */
  #suspects(nowMs: number): Peer[] {
    return [...this.#peers.values()].filter(({ lease, seenMs }) =>
      !this.options.isOwn(lease.name) && nowMs - seenMs >= lease.durationMs
    );
  }

  #plan(atLeastMs = 0): void {
    if (this.#checking || this.#end.signal.aborted) return;
    const { clock, random, isOwn } = this.options;
    const ends = [...this.#peers.values()].filter(({ lease }) => !isOwn(lease.name))
      .map(({ lease, seenMs }) => seenMs + lease.durationMs - clock.nowMs());
    this.#timer?.[Symbol.dispose]();
    const waitMs = Math.max(atLeastMs, ...ends.length ? [Math.min(...ends)] : [Infinity]);
    this.#timer = clock.timer(waitMs + JITTER_MS * random.next(), () => this.#turn());
  }

  #turn(): void {
    if (this.#suspects(this.options.clock.nowMs()).length === 0) return this.#plan();
    this.#checking = this.#check().then(() => this.#trouble = undefined, (error: Error) => {
      this.#complain(error);
      return AGAIN_MS;
    }).then((waitMs) => {
      this.#checking = undefined;
      this.#plan(waitMs);
    });
  }

  async #check(): Promise<void> {
    const startMs = this.options.clock.nowMs();
    const leases = await this.list();
    for (const peer of this.#suspects(startMs)) {
      const { name } = peer.lease;
      if (!leases.some((lease) => lease.name === name)) this.#drop(name, peer.seenMs);
      else await this.#expel(peer);
    }
  }

  async #expel(peer: Peer): Promise<void> {
    const { api, namespace, log, clock } = this.options;
    const { lease: { name }, resourceVersion } = peer;
    try {
      await deleteLease(api, namespace, { name, resourceVersion }, this.#end.signal);
      log.info("a gateway is gone: its Lease was out", { lease: name });
    } catch (error) {
      const status = error instanceof ApiError ? error.status : 0;
      if (status === 409) {
        // It lives.
        peer.seenMs = clock.nowMs();
        return;
      }
      if (status !== 404) throw error;
    }
    // It may have come again meanwhile.
    if (this.#peers.get(name) === peer) this.#drop(name, peer.seenMs);
  }

  /** Said once, however long it lasts. */
  #complain({ message }: Error): void {
    if (this.#end.signal.aborted || message === this.#trouble) return;
    this.#trouble = message;
    this.options.log.warn("a gateway that may be gone cannot be expelled", { reason: message });
  }
}

export function hasAck(lease: LeaseView | undefined, token: string): boolean {
  return lease !== undefined && [...lease.acks.values()].includes(token);
}

/** Renewing is none. */
function isNews(before: Peer, after: Peer): boolean {
  const said = ({ lease: { acks, serves } }: Peer) =>
    JSON.stringify([[...acks], [...serves ?? []]]);
  return said(before) !== said(after) || isNewUse(before.uses, after.uses);
}
