/** All models of one gateway: each has its activation, and a reload touches only what changed. */
import type { ModelSpec } from "../config/spec.ts";
import type { Clock } from "../platform/clock.ts";
import type { Log } from "../telemetry/log.ts";
import { Activation } from "./activation.ts";
import { Draining } from "./errors.ts";
import type { ScaleTarget } from "./scale_target.ts";
import type { State } from "./state.ts";

export interface ActivatorOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Makes the target of `spec`; it starts nothing before `after` has come. */
  readonly createTarget: (spec: ModelSpec, after: Promise<void>) => ScaleTarget;
  /** Told of every change of a model's state. */
  readonly onChange?: (model: string, state: State, was: State) => void;
}

export class Activator {
  readonly #activations = new Map<string, Activation>();
  /** Removed or replaced models that still answer. */
  readonly #retiring = new Set<{ readonly activation: Activation; readonly done: Promise<void> }>();

  constructor(readonly options: ActivatorOptions) {}

  /** The activation of the model called `name` in the configuration. */
  find(name: string): Activation | undefined {
    return this.#activations.get(name);
  }

  get activations(): Iterable<Activation> {
    return this.#activations.values();
  }

  /** Adds a model; one that was removed and still answers ends first. */
  add(spec: ModelSpec): void {
    const { clock, log, onChange } = this.options;
    const target = this.options.createTarget(spec, this.#retired(spec.name));
    this.#activations.set(
      spec.name,
      new Activation({
        ...{ model: spec.name, target, policy: spec, limits: spec, clock },
        log: log.with({ model: spec.name }),
        onChange: (state, was) => onChange?.(spec.name, state, was),
      }),
    );
  }

  /** Takes over settings that do not concern the target. */
  update(spec: ModelSpec): void {
    this.#activations.get(spec.name)?.update(spec, spec);
  }

  /** Replaces a model whose target changed: the old one answers what it has, new requests wait. */
  replace(spec: ModelSpec): void {
    const before = this.find(spec.name);
    const pinnedUntilMs = before?.target.local ? before.pinnedUntilMs : undefined;
    this.remove(spec.name);
    this.add(spec);
    if (pinnedUntilMs === undefined) return;
    // Nobody but the gateway remembers the pin of a process.
    const { clock } = this.options;
    void this.find(spec.name)!.target.pin(clock.wallMs() + pinnedUntilMs - clock.nowMs());
  }

  /** Lets go of a model once it has answered what it has. */
  remove(name: string): void {
    const activation = this.#activations.get(name);
    if (!activation) return;
    this.#activations.delete(name);
    const retiring = { activation, done: activation.retire() };
    this.#retiring.add(retiring);
    retiring.done.then(() => this.#retiring.delete(retiring));
  }

  /** When every earlier model of that name has ended: two may not share one GPU. */
  async #retired(name: string): Promise<void> {
    const before = [...this.#retiring].filter(({ activation }) => activation.model === name);
    await Promise.all(before.map(({ done }) => done));
  }

  /**
   * The gateway is about to end: those who wait for a target that ends with it are told at once.
   * A workload of the cluster is worth waiting for.
   */
  drain(): void {
    this.#refuseWaiting(({ target }) => target.local);
  }

  /** There is no time left to wait: everybody who does is told. */
  giveUp(): void {
    this.#refuseWaiting(() => true);
  }

  /** Lets go of every target: local processes are stopped (or killed), workloads left as they are. */
  async close(how?: "kill"): Promise<void> {
    await Promise.all(Array.from(this.#all(), (activation) => activation.close(how)));
  }

  #refuseWaiting(isMeant: (activation: Activation) => boolean): void {
    for (const activation of this.#all()) {
      if (!isMeant(activation)) continue;
      activation.refuseWaiting(() =>
        new Draining(activation.model, "The gateway is stopping; try again in a moment")
      );
    }
  }

  *#all(): Iterable<Activation> {
    yield* this.#activations.values();
    for (const { activation } of this.#retiring) yield activation;
  }
}
