/**
 * Who runs and who waits: hands out tokens at a fixed rate, as many requests at once as allowed, and
 * keeps the gauges. One bell per job wakes it whenever anything may have changed for it.
 */
import type { Clock } from "../platform/clock.ts";
import { EngineDead, queueFull } from "./fault.ts";
import type { Finish, Metrics, SleepState } from "./metrics.ts";
import type { Behaviour } from "./options.ts";
import { word } from "./words.ts";

export interface Token {
  readonly text: string;
  /** Set on the last one. */
  readonly finish: Finish | null;
}

export interface Work {
  readonly promptTokens: number;
  /** Of the answer, with the one that ends it; 0 for work without an answer, such as embeddings. */
  readonly tokens: number;
  readonly finish: "stop" | "length";
  /** The client leaves. */
  readonly signal: AbortSignal;
}

interface Job {
  ended: "done" | "abort" | "left" | "dead" | undefined;
  /** Takes part in the queue: not while the engine sleeps. */
  queued: boolean;
  ring(): void;
}

export class Scheduler {
  readonly #clock: Clock;
  readonly #metrics: Metrics;
  readonly #behaviour: Behaviour;
  /** In the order of arrival. */
  readonly #jobs = new Set<Job>();
  readonly #drainers = new Set<() => void>();
  #dead = false;

  constructor(world: { clock: Clock; metrics: Metrics; behaviour: Behaviour }) {
    this.#clock = world.clock;
    this.#metrics = world.metrics;
    this.#behaviour = world.behaviour;
  }

  /**
   * Takes the work at once; its tokens come while they are read.
   * @throws {Fault} if the queue is full or the engine dead
   */
  submit(work: Work): AsyncGenerator<Token> {
    if (this.#dead) throw new EngineDead();
    if (this.#jobs.size >= this.#behaviour.queueMax) {
      this.#metrics.queueRejections++;
      throw queueFull();
    }
    const job: Job = { ended: undefined, queued: false, ring() {} };
    this.#jobs.add(job);
    work.signal.addEventListener("abort", () => {
      job.ended ??= "left";
      job.ring();
      // Its tokens may never have been asked for: then nobody else takes it out.
      this.#leave(job);
    });
    return this.#run(job, work);
  }

  /** All running and waiting requests end, looking like success. */
  abortAll() {
    this.#endAll("abort");
  }

  /** The engine process is gone: everything fails, now and later. */
  kill() {
    this.#dead = true;
    this.#endAll("dead");
  }

  get dead(): boolean {
    return this.#dead;
  }

  get asleep(): boolean {
    return this.#metrics.sleepState !== "awake";
  }

  sleep(state: Exclude<SleepState, "awake">) {
    this.#metrics.sleepState = state;
  }

  wake() {
    this.#metrics.sleepState = "awake";
    this.#ringAll();
  }

  /** Resolves when nothing runs or waits. */
  async drained(): Promise<void> {
    if (this.#jobs.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#drainers.add(resolve);
    await promise;
  }

  async *#run(job: Job, work: Work): AsyncGenerator<Token> {
    try {
      if (await this.#start(job)) {
        this.#metrics.promptTokens += work.promptTokens;
        try {
          if (work.tokens === 0) this.#finish(job, work);
          yield* this.#generate(job, work);
        } finally {
          this.#metrics.running--;
          // A job whose client left is out of the list already, and would ring nobody.
          this.#ringAll();
        }
      }
      if (job.ended === "dead") throw new EngineDead();
      if (job.ended === "abort") {
        this.#metrics.finished.abort++;
        yield { text: "", finish: "abort" };
      }
    } finally {
      this.#leave(job);
    }
  }

  /** Waits for its turn and takes it; false if the job ended first. */
  async #start(job: Job): Promise<boolean> {
    while (!job.ended && this.asleep) await this.#rest(job, Infinity);
    if (job.ended) return false;
    this.#metrics.waiting++;
    job.queued = true;
    while (!job.ended && !this.#hasTurn(job)) await this.#rest(job, Infinity);
    this.#metrics.waiting--;
    job.queued = false;
    if (job.ended) return false;
    this.#metrics.running++;
    // There may be a slot for the next one, which was told to wait behind this one.
    this.#ringAll();
    return true;
  }

  /** First come, first served. */
  #hasTurn(job: Job): boolean {
    if (this.#metrics.running >= this.#behaviour.maxNumSeqs) return false;
    for (const other of this.#jobs) if (other.queued) return other === job;
    return true;
  }

  async *#generate(job: Job, work: Work): AsyncGenerator<Token> {
    const startMs = this.#clock.nowMs();
    for (let i = 0; i < work.tokens; i++) {
      const dueMs = startMs + (i + 1) * 1000 / this.#behaviour.tokensPerSecond;
      while (!job.ended && this.#clock.nowMs() < dueMs) {
        await this.#rest(job, dueMs - this.#clock.nowMs());
      }
      if (job.ended) return;
      this.#metrics.generationTokens++;
      const last = i === work.tokens - 1;
      if (last) this.#finish(job, work);
      // The token that says "stop" has no text.
      const text = last && work.finish === "stop" ? "" : word(i);
      yield { text, finish: last ? work.finish : null };
    }
  }

  /** From here on nothing can abort it. */
  #finish(job: Job, work: Work) {
    job.ended = "done";
    this.#metrics.finished[work.finish]++;
  }

  /** Until the bell rings, at most so long. */
  async #rest(job: Job, delayMs: number) {
    const { promise, resolve } = Promise.withResolvers<void>();
    job.ring = resolve;
    using _timer = this.#clock.timer(delayMs, resolve);
    await promise;
  }

  #endAll(why: "abort" | "dead") {
    for (const job of this.#jobs) job.ended ??= why;
    this.#ringAll();
  }

  #ringAll() {
    for (const job of this.#jobs) job.ring();
  }

  #leave(job: Job) {
    if (!this.#jobs.delete(job)) return;
    this.#ringAll();
    if (this.#jobs.size > 0) return;
    for (const resolve of this.#drainers) resolve();
    this.#drainers.clear();
  }
}
