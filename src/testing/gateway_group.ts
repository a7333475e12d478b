/** Whole activators of several gateways in front of one Deployment `m`, over a cluster in virtual time. */
import { Activator } from "../activator/activator.ts";
import type { Activation } from "../activator/activation.ts";
import type { Permit } from "../activator/admission.ts";
import type { ModelSpec } from "../config/spec.ts";
import type { Clock } from "../platform/clock.ts";
import { silentLog } from "../telemetry/log.ts";
import { ENGINE, type GatewaySide, KubernetesWorld } from "./kubernetes_world.ts";
import { modelSpec } from "./requests.ts";
import { VirtualCluster } from "./virtual_cluster.ts";

export const MINUTE = 60_000;
/** Of the Deployment. */
export const PATH = VirtualCluster.pathOf("m");

export interface GroupOptions {
  readonly gateways?: number;
  /** That its template asks for. */
  readonly gpus?: number;
  readonly spec?: Partial<ModelSpec>;
}

/** A request, and what has become of it. */
export interface Asked {
  permit?: Permit;
  error?: Error;
}

export class GatewayGroup implements AsyncDisposable {
  readonly world = new KubernetesWorld();
  readonly sides: GatewaySide[] = [];
  readonly activators: Activator[] = [];

  private constructor(readonly options: GroupOptions) {}

  static async create(options: GroupOptions = {}): Promise<GatewayGroup> {
    const group = new GatewayGroup(options);
    const { cluster, clock } = group.world;
    cluster.create("m");
    if (options.gpus !== undefined) group.ask(options.gpus);
    await clock.advance(1_000);
    for (let n = 0; n < (options.gateways ?? 2); n++) group.start();
    await clock.advance(3_000);
    return group;
  }

  /** One more gateway. */
  start(clockOf = (clock: Clock) => clock): Activator {
    const { clock } = this.world;
    const side = this.world.gateway(silentLog, clockOf);
    const activator = new Activator({
      ...{ clock: clockOf(clock), log: silentLog },
      createTarget: (spec, after) => side.kubernetes.target(spec, after),
    });
    activator.add(this.spec());
    this.sides.push(side);
    this.activators.push(activator);
    return activator;
  }

  spec(more: Partial<ModelSpec> = {}): ModelSpec {
    return modelSpec("m", {
      ...{ scale: { kind: "deployment", name: "m" }, engine: ENGINE },
      ...{ idleTimeoutMs: 5 * MINUTE, coldStartTimeoutMs: 10 * MINUTE, retryAfterMaxMs: MINUTE },
      ...this.options.spec,
      ...more,
    });
  }

  /** The template of the Deployment asks for so many GPUs. */
  ask(gpus: number): void {
    const { server } = this.world;
    const object = server.get(PATH);
    const resources = gpus > 0 ? { limits: { "nvidia.com/gpu": String(gpus) } } : {};
    const template = { spec: { containers: [{ resources }] } };
    server.put(PATH, { ...object, spec: { ...object.spec, template } });
  }

  /** By gateway. */
  get models(): Activation[] {
    return this.activators.flatMap((activator) => activator.find("m") ?? []);
  }

  get states(): string[] {
    return this.models.map(({ state }) => state);
  }

  get replicas(): number {
    return this.world.cluster.replicas("m");
  }

  request(activation: Activation): Asked {
    const asked: Asked = {};
    const { signal } = new AbortController();
    Promise.try(() => activation.admit({ signal })).then(
      (permit) => void (asked.permit = permit),
      (error: Error) => void (asked.error = error),
    );
    return asked;
  }

  /** One that is let through. */
  async admit(activation: Activation): Promise<Permit> {
    const asked = this.request(activation);
    await this.world.until(() => asked.permit !== undefined);
    return asked.permit!;
  }

  /** How it ended, once that is known. */
  async outcome(asked: Promise<void>): Promise<string> {
    let outcome = "";
    asked.then(() => outcome = "done", (error: Error) => outcome = error.message);
    await this.world.until(() => outcome !== "");
    return outcome;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const activator of this.activators) await activator.close();
    for (const { kubernetes } of this.sides) await this.world.over(kubernetes.close());
    this.world.close();
  }
}
