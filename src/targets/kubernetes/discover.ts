/**
 * The inference servers among a cluster's Deployments and StatefulSets, each with what a config needs to say of it,
 * or with the reason why it cannot be one of its models as it is.
 */
import { ApiError, type KubernetesApi } from "./api.ts";
import { allContainers, type PodTemplate } from "./pod_template.ts";
import { enginePort } from "./engine_port.ts";
import { type ScalerObject, type Scalers, scalersOf } from "./examine_scalers.ts";
import { leadingTo, type ServiceObject } from "./examine_service.ts";
import { recognise, type Recognised } from "./recognise.ts";
import type { KubernetesObject } from "./reflector.ts";
import { HPAS, type Listed, SCALED_OBJECTS, SERVICES, Surroundings } from "./surroundings.ts";

export interface Place {
  readonly kind: "deployment" | "statefulSet";
  readonly namespace: string;
  readonly name: string;
}

export interface Found extends Place {
  readonly engine: Recognised;
  /** Undefined: none leads to it. */
  readonly service: { readonly name: string; readonly port: number | undefined } | undefined;
  /** What to know of it. */
  readonly notes: readonly string[];
  /** Why it is left out. */
  readonly obstacle: string | undefined;
}

export interface Discovery {
  readonly found: readonly Found[];
  /** What could not be seen. */
  readonly notes: readonly string[];
}

interface WorkloadObject extends KubernetesObject {
  readonly metadata: KubernetesObject["metadata"] & {
    readonly ownerReferences?: readonly {
      readonly kind: string;
      readonly name: string;
      readonly controller?: boolean;
    }[];
  };
  readonly spec?: { readonly replicas?: number; readonly template?: PodTemplate };
}

interface Workload extends Place {
  readonly object: WorkloadObject;
  readonly template: PodTemplate;
}

const KINDS: readonly (readonly [Place["kind"], Listed])[] = [
  ["deployment", { apiVersion: "apps/v1", plural: "deployments" }],
  ["statefulSet", { apiVersion: "apps/v1", plural: "statefulsets" }],
];

/** `namespace` undefined: all, or our own where we may not see all. @throws ApiError, ApiUnreachable */
export async function discover(
  api: KubernetesApi,
  namespace: string | undefined,
): Promise<Discovery> {
  const surroundings = new Surroundings(api);
  const notes: string[] = [];
  let place = namespace;
  let workloads = await listWorkloads(surroundings, place);
  if (!workloads && place === undefined) {
    place = api.namespace;
    notes.push(`only namespace ${place} was looked at: Deployments of all may not be listed`);
    workloads = await listWorkloads(surroundings, place);
  }
  if (!workloads) {
    throw new ApiError(403, "Forbidden", `Deployments of namespace ${place} may not be listed`);
  }
  const services = await surroundings.list<ServiceObject>(SERVICES, place);
  const hpas = await surroundings.list<ScalerObject>(HPAS, place) ?? [];
  const scaledObjects = await surroundings.list<ScalerObject>(SCALED_OBJECTS, place) ?? [];
  for (const plural of surroundings.unseen) {
    // That all could not be listed has been said.
    if (!KINDS.some(([, listed]) => listed.plural === plural)) {
      notes.push(`${plural} may not be listed: what they change is not told here`);
    }
  }
  const found = workloads.flatMap((workload) => {
    const engine = recognise(workload.template);
    if (!engine) return [];
    const isBeside = ({ metadata }: KubernetesObject) => metadata.namespace === workload.namespace;
    const scalers = {
      hpas: hpas.filter(isBeside),
      scaledObjects: scaledObjects.filter(isBeside),
    };
    const beside = services?.filter(isBeside);
    const others = workloads.filter((other) => other !== workload && isBeside(other.object));
    return [describe(workload, engine, scalers, { services: beside, others })];
  });
  return { found, notes };
}

async function listWorkloads(
  surroundings: Surroundings,
  namespace: string | undefined,
): Promise<Workload[] | undefined> {
  const all: Workload[] = [];
  let seen = false;
  for (const [kind, listed] of KINDS) {
    const objects = await surroundings.list<WorkloadObject>(listed, namespace);
    seen ||= objects !== undefined;
    for (const object of objects ?? []) {
      const { metadata: { name, namespace = "" }, spec } = object;
      if (spec?.template) all.push({ kind, namespace, name, object, template: spec.template });
    }
  }
  return seen ? all : undefined;
}

interface Beside {
  /** Undefined: they may not be seen. */
  readonly services: readonly ServiceObject[] | undefined;
  readonly others: readonly Workload[];
}

function describe(
  workload: Workload,
  engine: Recognised,
  scalers: Scalers,
  beside: Beside,
): Found {
  const { kind, namespace, name, object, template } = workload;
  const service = beside.services && serviceOf(workload, engine, beside.services, beside.others);
  const owner = object.metadata.ownerReferences?.find(({ controller }) => controller);
  const { notes, obstacle } = scalerWords(workload, scalers);
  return {
    ...{ kind, namespace, name, engine },
    service: service && "service" in service ? service.service : undefined,
    notes: [
      ...containerNotes(engine, template),
      ...(beside.services ? [] : ["whether a Service of its name leads to it could not be seen"]),
      ...(service && "service" in service ? service.notes : []),
      ...(engine.wantsKey
        ? ["it wants a key of its own: name it by `upstreamKeyFile` or `upstreamKeyEnv`"]
        : []),
      ...notes,
    ],
    obstacle: engine.obstacle ?? obstacle ??
      (owner && `${owner.kind} ${owner.name} made it and would undo what scales it: ` +
          "scale that one, by `workload`") ??
      (service && "obstacle" in service ? service.obstacle : undefined),
  };
}

function containerNotes({ container }: Recognised, template: PodTemplate): string[] {
  const others = allContainers(template).filter(({ name }) => name !== container.name);
  if (others.length === 0) return [];
  return [
    `beside container ${container.name} its pods have ${others.map(({ name }) => name).join(", ")}`,
  ];
}

function scalerWords(
  { kind, namespace, name }: Workload,
  all: Scalers,
): { readonly notes: string[]; readonly obstacle: string | undefined } {
  const { hpas, scaledObjects } = scalersOf(
    { kind: kind[0]!.toUpperCase() + kind.slice(1), name },
    all,
  );
  const keda = scaledObjects[0]?.metadata.name ??
    hpas.flatMap(({ metadata }) => metadata.ownerReferences ?? [])
      .find(({ kind }) => kind === "ScaledObject")?.name;
  return {
    obstacle: keda &&
      `KEDA's ScaledObject ${namespace}/${keda} wakes it and puts it to sleep by itself: delete that first`,
    notes: keda === undefined ? hpas.map(hpaNote) : [],
  };
}

function hpaNote(
  { metadata: { name }, spec: { minReplicas = 1, maxReplicas } = {} }: ScalerObject,
) {
  return minReplicas > 0
    ? `HorizontalPodAutoscaler ${name} scales it from ${minReplicas} to ${maxReplicas} while it is up`
    : `HorizontalPodAutoscaler ${name} has minReplicas 0 and wakes it by itself: set that to 1`;
}

/** The Service that leads to it and to nothing else, and its port for the engine's. */
function serviceOf(
  { kind, namespace, name, template }: Workload,
  engine: Recognised,
  services: readonly ServiceObject[],
  others: readonly Workload[],
): { service: NonNullable<Found["service"]>; notes: string[] } | { obstacle: string } {
  const all = leadingTo(services, template);
  if (all.length === 0) return { obstacle: noService({ kind, namespace, name }, engine) };
  const sharedWith = (service: ServiceObject) =>
    others.find(({ template }) => leadingTo([service], template).length > 0);
  const own = all.filter((service) => !sharedWith(service));
  if (own.length === 0) {
    const [service] = all;
    const other = sharedWith(service!)!;
    return {
      obstacle: `service ${namespace}/${service!.metadata.name} leads to ${other.kind} ` +
        `${namespace}/${other.name} as well: give it a Service of its own`,
    };
  }
  const ranked = own.map((service) => ({ service, port: enginePort(service, engine, template) }))
    .sort((a, b) => rank(a) - rank(b));
  const [best] = ranked;
  const { metadata, spec } = best!.service;
  if (best!.port === undefined) {
    return {
      obstacle: `service ${namespace}/${metadata.name} has no port that leads to ${engine.port}, ` +
        "on which the engine listens",
    };
  }
  const isFirst = best!.port === spec?.ports?.[0]?.port;
  return {
    service: { name: metadata.name, port: isFirst ? undefined : best!.port },
    notes: engine.port === undefined && (spec?.ports?.length ?? 0) > 1
      ? [`on which port it listens could not be told: port ${best!.port} of its Service is a guess`]
      : [],
  };

  function rank({ service, port }: { service: ServiceObject; port: number | undefined }): number {
    return (port === undefined ? 2 : 0) + (service.metadata.name === name ? 0 : 1);
  }
}

function noService({ kind, namespace, name }: Place, { port }: Recognised): string {
  const fact = "no Service leads to its pods: make one";
  return kind === "deployment" && port !== undefined
    ? `${fact}, e.g. kubectl expose deployment -n ${namespace} ${name} --port 80 --target-port ${port}`
    : fact;
}
