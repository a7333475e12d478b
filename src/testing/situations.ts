/** What goes wrong in clusters: how it is broken, what is said of it, and the repair that the words name. */
import { APPS, patch } from "./cluster_gateway.ts";
import type { TestNamespace } from "./control_plane.ts";
import type { DoctorReport } from "./doctor_process.ts";
import type { GatewayProcess } from "./gateway_process.ts";
import type { Rule } from "./service_account.ts";

const RBAC = "/apis/rbac.authorization.k8s.io/v1";

/** While it is broken. */
export interface World {
  readonly namespace: TestNamespace;
  readonly gateway: GatewayProcess;
  readonly report: DoctorReport;
  /** Writes the config anew, with other settings of the model. */
  configure(settings: string): Promise<void>;
}

export interface Situation {
  readonly what: string;
  /** The model's settings as YAML; `NS` is the namespace. */
  readonly settings?: string;
  /** Of the gateway's account; default: all that the tests may. */
  readonly rules?: readonly Rule[];
  /** Of pods, as the stand-in for a kubelet knows them. */
  readonly pods?: Readonly<Record<string, string>>;
  /** Breaks what was sound. */
  breaks?(namespace: TestNamespace): Promise<unknown>;
  /** What `doctor` finds amiss, a line each. */
  readonly doctor: readonly (string | RegExp)[];
  readonly kind: string;
  /** What whoever waits is told; `POD` is a pod's name. */
  readonly told: string | RegExp;
  repair(world: World): Promise<unknown>;
  /** Takes away what is not in the namespace. */
  tidy?(namespace: TestNamespace): Promise<unknown>;
}

const DEPLOYMENT = "deployments/m";
const SERVICE = "services/m";

const template = (namespace: TestNamespace, pod: unknown) =>
  patch(namespace, APPS, DEPLOYMENT, { spec: { template: pod } });
/** Changes the one container of the Deployment `m`. */
export const container = (namespace: TestNamespace, changes: object) =>
  template(namespace, { spec: { containers: [{ ...ENGINE, ...changes }] } });
const mended = { metadata: { annotations: { "bed/fail": null, "bed/load": "100ms" } } };
const ENGINE = {
  ...{ name: "engine", image: "stand-in:v1", imagePullPolicy: "IfNotPresent" },
  ports: [{ name: "http", containerPort: 8000 }],
  readinessProbe: { httpGet: { path: "/health", port: 8000 }, periodSeconds: 1 },
  terminationMessagePolicy: "FallbackToLogsOnError",
};

const granted = (namespace: TestNamespace, rules: readonly Rule[]) =>
  patch(namespace, RBAC, "roles/gateway", { rules });
const WATCHED: Rule = {
  ...{ apiGroups: ["*"], verbs: ["get", "list", "watch"] },
  resources: ["deployments", "pods", "events", "services", "endpointslices"],
};
const LEASES: Rule = { apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: ["*"] };
const WRITTEN: Rule = {
  ...{ apiGroups: ["apps"], verbs: ["patch"] },
  resources: ["deployments/scale", "deployments/status"],
};

const UNWATCHED: Rule[] = [
  { ...WATCHED, resources: ["deployments", "events", "services"] },
  { ...WATCHED, resources: ["endpointslices", "pods"], verbs: ["list"] },
  ...[WRITTEN, LEASES],
];

export const SITUATIONS: readonly Situation[] = [
  {
    what: "it may not scale",
    rules: [WATCHED, LEASES],
    kind: "forbidden",
    told:
      "Cannot wake model 'm': the gateway may not scale deployment NS/m: grant get, list, watch on deployments " +
      "and patch on deployments/scale and deployments/status in namespace NS " +
      '(deployments.apps "m" is forbidden: User "system:serviceaccount:NS:gateway" cannot patch resource ' +
      '"deployments/scale" in API group "apps" in the namespace "NS")',
    doctor: [
      "error cluster: system:serviceaccount:NS:gateway may not patch deployments/scale (apps) in namespace NS, " +
      "for m: it can neither be woken nor put to sleep -> grant it, by the rules at the end",
      "error cluster: system:serviceaccount:NS:gateway may not patch deployments/status (apps) in namespace NS, " +
      "for m: it cannot be put to sleep: how many replicas it had is noted there -> grant it, by the rules at the end",
    ],
    repair: ({ namespace, report }) =>
      granted(namespace, [WATCHED, LEASES, ...report.rules[namespace.name]!]),
  },
  {
    what: "it may not watch pods and endpoints",
    rules: UNWATCHED,
    // Nobody waits for that.
    pods: { "bed/load": "5m" },
    kind: "forbidden",
    told:
      "Cannot wake model 'm': the gateway may not see endpointslices.discovery.k8s.io in namespace NS: grant it " +
      'list and watch there (endpointslices.discovery.k8s.io is forbidden: User "system:serviceaccount:NS:gateway" ' +
      'cannot watch resource "endpointslices" in API group "discovery.k8s.io" in the namespace "NS")',
    doctor: [
      "warn cluster: system:serviceaccount:NS:gateway may not watch pods in namespace NS, for m: " +
      "why its pods do not start is not told, and how far they are -> grant it, by the rules at the end",
      "error cluster: system:serviceaccount:NS:gateway may not watch endpointslices (discovery.k8s.io) in " +
      "namespace NS, for m: nobody knows where its pods are; a fixed `upstream` needs no such right -> " +
      "grant it, by the rules at the end",
    ],
    async repair({ namespace, report }) {
      await granted(namespace, [...UNWATCHED, ...report.rules[namespace.name]!]);
      await template(namespace, mended);
    },
  },
  {
    what: "the config names a Service that is not there",
    settings: "deployment: m, service: vllm-svc",
    kind: "missing",
    told:
      "Cannot wake model 'm': service NS/vllm-svc does not exist. Make it, or name another by `service` in the " +
      "config, or a fixed `upstream`",
    doctor: [
      "error m: service NS/vllm-svc does not exist -> write `service: NS/m`, which leads to its pods",
    ],
    repair: ({ configure }) => configure("deployment: m, service: NS/m"),
  },
  {
    what: "the config names a port that the Service does not have",
    settings: "deployment: m, service: 'm:8080'",
    kind: "missing",
    told:
      "Cannot wake model 'm': service NS/m has no port 8080; its ports: 80 (http). Write one of them into the " +
      "config, e.g. `service: NS/m:80`",
    doctor: [
      "error m: service NS/m has no port 8080; its ports: 80 (http) -> write one of them into the config, " +
      "e.g. `service: NS/m:80`",
    ],
    repair: ({ configure }) => configure("deployment: m, service: 'NS/m:80'"),
  },
  {
    what: "the Service selects other pods",
    breaks: (namespace) =>
      patch(namespace, "/api/v1", SERVICE, { spec: { selector: { app: "else" } } }),
    kind: "config",
    told:
      "Cannot wake model 'm': pod POD is ready, but service NS/m leads to none of its pods. Give the Service a " +
      "selector that fits them (they have app=m) and a targetPort that they have",
    doctor: [
      "error m: service NS/m selects app=else, the pods have app=m: it never leads to them -> " +
      "give the Service the selector app=m, or the pods its labels",
    ],
    repair: ({ namespace }) =>
      patch(namespace, "/api/v1", SERVICE, { spec: { selector: { app: "m" } } }),
  },
  {
    what: "no node has a GPU",
    settings: "deployment: m, unschedulableGrace: 1s",
    breaks: (namespace) =>
      container(namespace, { resources: { limits: { "nvidia.com/gpu": "1" } } }),
    kind: "unschedulable",
    told: RegExp(
      "^Cannot wake model 'm': no node takes pod POD: 0/2 nodes are available: 2 Insufficient nvidia.com/gpu.*\\. " +
        "Add a node that fits, or correct its resources, nodeSelector and tolerations$",
    ),
    doctor: [
      "warn m: no node has 1 nvidia.com/gpu, which a pod of it asks for: the most is 0 -> add a node that fits, " +
      "or correct its resources, nodeSelector and tolerations; an autoscaler of nodes may bring one",
      /^warn m: less than a minute ago, pod POD: FailedScheduling: 0\/2 nodes are available: 2 Insufficient nvidia/,
    ],
    repair: ({ namespace }) =>
      namespace.api.call({
        ...{ verb: "create", method: "POST", path: "/api/v1/nodes" },
        body: {
          metadata: { name: namespace.name, annotations: { "bed/node": "nvidia.com/gpu=8" } },
        },
      }),
    tidy: ({ api, name }) =>
      api.call({ verb: "delete", method: "DELETE", path: `/api/v1/nodes/${name}` }).catch(() => {}),
  },
  {
    what: "its image cannot be pulled",
    pods: { "bed/fail": "ImagePullBackOff" },
    kind: "image",
    told:
      "Cannot wake model 'm': container engine of pod POD cannot pull its image stand-in:v1: failed to pull and " +
      'unpack image "stand-in:v1": failed to resolve reference "stand-in:v1": not found. Correct the image and ' +
      "its tag, or give its pods an imagePullSecret",
    doctor: [
      'warn m: less than a minute ago, pod POD: Failed: Failed to pull image "stand-in:v1": failed to pull and ' +
      'unpack image "stand-in:v1": failed to resolve reference "stand-in:v1": not found -> correct the image and ' +
      "its tag, or give its pods an imagePullSecret",
    ],
    repair: ({ namespace }) => template(namespace, mended),
  },
  {
    what: "it crashes",
    pods: { "bed/fail": "CrashLoopBackOff", "bed/load": "1m" },
    breaks: (namespace) => container(namespace, { terminationMessagePolicy: "File" }),
    kind: "crashed",
    told:
      "Cannot wake model 'm': container engine of pod POD keeps crashing: Error with exit code 1. Its log says why " +
      "(kubectl logs, while it is scaled up by hand); with `terminationMessagePolicy: FallbackToLogsOnError` its last " +
      "lines stand here",
    doctor: [
      "ok m: should container engine crash, its exit code is told, and not its last words -> " +
      "set its terminationMessagePolicy to FallbackToLogsOnError to have these as well",
    ],
    repair: ({ namespace }) => template(namespace, mended),
  },
  {
    what: "it has too little memory",
    pods: { "bed/fail": "OOMKilled", "bed/load": "1m" },
    breaks: (namespace) => container(namespace, { terminationMessagePolicy: "File" }),
    kind: "out_of_memory",
    told:
      "Cannot wake model 'm': container engine of pod POD keeps crashing: OOMKilled with exit code 137. Raise the " +
      "memory limit of that container, or let the engine use less",
    doctor: [
      "ok m: should container engine crash, its exit code is told, and not its last words -> " +
      "set its terminationMessagePolicy to FallbackToLogsOnError to have these as well",
    ],
    async repair({ namespace }) {
      await container(namespace, { resources: { limits: { memory: "4Gi" } } });
      await template(namespace, mended);
    },
  },
  {
    what: "the config names a Deployment that is not there",
    settings: "deployment: n, service: m",
    kind: "missing",
    told: /^Cannot wake model 'm': deployment NS\/n does not exist/,
    doctor: [
      "error m: deployment NS/n does not exist -> make it, or write 'm', which is there, into the config",
    ],
    repair: ({ configure }) => configure("deployment: m"),
  },
  {
    what: "a quota has no room",
    breaks: (namespace) =>
      namespace.create("/api/v1", "resourcequotas", {
        ...{ metadata: { name: "gpus" }, spec: { hard: { pods: "0" } } },
      }),
    kind: "quota",
    told:
      "Cannot wake model 'm': no pod can be made: pods \"POD\" is forbidden: exceeded quota: gpus, requested: " +
      "pods=1, used: pods=0, limited: pods=0. Raise the quota, or let its pods ask for less",
    doctor: [
      "warn m: quota NS/gpus has no room for a pod of it: pods 0 of 0 used -> raise the quota, or let its pods ask " +
      "for less",
      'warn m: less than a minute ago, replicaset SET: FailedCreate: Error creating: pods "POD" is forbidden: ' +
      "exceeded quota: gpus, requested: pods=1, used: pods=0, limited: pods=0 -> raise the quota, or let its pods " +
      "ask for less",
    ],
    repair: ({ namespace }) =>
      patch(namespace, "/api/v1", "resourcequotas/gpus", { spec: { hard: { pods: "2" } } }),
  },
  {
    what: "the readinessProbe asks the wrong port",
    settings: "deployment: m, coldStartTimeout: 3s",
    pods: { "bed/probe": "true" },
    breaks: (namespace) =>
      container(namespace, {
        command: ["vllm", "serve", "m", "--port", "8000"],
        readinessProbe: { httpGet: { path: "/health", port: 8001 }, periodSeconds: 1 },
      }),
    kind: "cold_start_timeout",
    told:
      "Model 'm' is not ready within 3 s (coldStartTimeout); loading for N s: pod POD on node NODE: its container " +
      "engine runs and is not ready yet: it loads, or its readinessProbe (GET :8001/health) asks in the wrong place",
    doctor: [
      "error m: the readinessProbe of container engine asks port 8001, but the engine listens on 8000 -> " +
      "correct the probe's port, or the container's",
    ],
    repair: ({ namespace }) =>
      container(namespace, {
        readinessProbe: { httpGet: { path: "/health", port: 8000 }, periodSeconds: 1 },
      }),
  },
  {
    what: "the Service leads to the wrong port of its pods",
    settings: "deployment: m, coldStartTimeout: 3s",
    breaks: (namespace) =>
      patch(namespace, "/api/v1", SERVICE, {
        spec: { ports: [{ name: "http", port: 80, targetPort: 8001 }] },
      }),
    kind: "cold_start_timeout",
    told:
      "Model 'm' is not ready within 3 s (coldStartTimeout); loading for N s: pod POD on node NODE: ready, but " +
      "http://IP:8001/health does not answer as it should: is that the port on which the engine listens?",
    doctor: [
      "warn m: service NS/m leads to port 8001, but the containers name 8000 only -> set the targetPort of its port " +
      "80 to the one on which the engine listens",
    ],
    repair: ({ namespace }) =>
      patch(namespace, "/api/v1", SERVICE, {
        spec: { ports: [{ name: "http", port: 80, targetPort: 8000 }] },
      }),
  },
];
