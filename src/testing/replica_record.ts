/** How many replicas the Deployments of a test namespace were told to have, one change after another. */
import { systemClock as clock } from "../platform/clock.ts";
import { systemRandom as random } from "../platform/random.ts";
import { type KubernetesObject, Reflector } from "../targets/kubernetes/reflector.ts";
import { silentLog as log } from "../telemetry/log.ts";
import type { TestNamespace } from "./control_plane.ts";

export class ReplicaRecord implements AsyncDisposable {
  readonly #replicas = new Map<string, number[]>();
  readonly #watch: Reflector<number>;

  constructor({ api, name: namespace }: TestNamespace) {
    this.#watch = new Reflector({
      ...{ api, clock, random, log, path: `/apis/apps/v1/namespaces/${namespace}/deployments` },
      pick: (object) => (object as KubernetesObject & { spec: { replicas: number } }).spec.replicas,
      onChange: (name, replicas) => this.#note(name, replicas ?? 0),
      onContact() {},
    });
  }

  /** How often `deployment` went to zero. */
  zeros(deployment: string): number {
    return this.#all(deployment).filter((replicas, i) => i > 0 && replicas === 0).length;
  }

  isUp(deployment: string): boolean {
    return (this.#all(deployment).at(-1) ?? 0) > 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#watch.close();
  }

  #all(deployment: string): readonly number[] {
    return this.#replicas.get(deployment) ?? [];
  }

  #note(name: string, replicas: number): void {
    const all = this.#replicas.get(name) ?? [];
    this.#replicas.set(name, all);
    if (all.at(-1) !== replicas) all.push(replicas);
  }
}
