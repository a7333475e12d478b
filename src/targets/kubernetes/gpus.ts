/** How many GPUs a replica asks for: the devices of all makers, as their device plugins call them. */

interface ContainerSpec {
  readonly resources?: {
    readonly limits?: Readonly<Record<string, string | number>>;
    readonly requests?: Readonly<Record<string, string | number>>;
  };
}

/** Devices are whole: a request equals its limit, and either may be left out. */
const DEVICE =
  /^(nvidia\.com\/gpu(\.shared)?|amd\.com\/gpu|gpu\.intel\.com\/(i915|xe)|google\.com\/tpu)$/;

/** As far as kinds say it: what has a pod template, and a LeaderWorkerSet. */
export interface ReplicaSpec {
  readonly template?: PodTemplate;
  readonly leaderWorkerTemplate?: {
    readonly size?: number;
    readonly leaderTemplate?: PodTemplate;
    readonly workerTemplate?: PodTemplate;
  };
}

interface PodTemplate {
  readonly spec?: PodSpec;
}

interface PodSpec {
  readonly containers?: readonly ContainerSpec[];
}

/** Undefined: its kind does not say. */
export function gpusPerReplica(spec: ReplicaSpec = {}): number | undefined {
  const { template, leaderWorkerTemplate: group } = spec;
  if (template?.spec) return gpusOf(template.spec);
  if (!group?.workerTemplate?.spec) return undefined;
  const worker = gpusOf(group.workerTemplate.spec);
  const leader = group.leaderTemplate?.spec ? gpusOf(group.leaderTemplate.spec) : worker;
  return leader + ((group.size ?? 1) - 1) * worker;
}

function gpusOf({ containers = [] }: PodSpec): number {
  let gpus = 0;
  for (const { resources = {} } of containers) {
    const asked = { ...resources.requests, ...resources.limits };
    for (const [name, count] of Object.entries(asked)) if (DEVICE.test(name)) gpus += Number(count);
  }
  return gpus;
}
