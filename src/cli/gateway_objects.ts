/** What runs a gateway in a cluster, for one config: its file, its pods, and what leads to them. */
import { dirname, relative } from "node:path";
import { isMap, isSeq, parseDocument, visit } from "yaml";
import { isLoopback } from "../config/address.ts";
import type { Config } from "../config/spec.ts";
import { PORT_NAME, references } from "../config/substitute.ts";
import { SHOWN_PREFIX } from "../config/unset_variable.ts";
import { GATEWAY, GATEWAY_LABELS } from "../targets/kubernetes/role_objects.ts";
import type { Comment, Commented } from "./commented_yaml.ts";

export interface GatewayOptions {
  readonly config: Config;
  /** The config file as it stands, and its absolute path. */
  readonly text: string;
  readonly path: string;
  readonly namespace: string;
  readonly image: string;
}

const FOLDER = "/etc/vllm-autoscaler";
const ENV_SECRET = `${GATEWAY}-env`;
const FILES_SECRET = `${GATEWAY}-files`;
/** From the last answer to the end of the process, and some for a node that is busy. */
const ENDING_S = 10;
const SPREAD = ["kubernetes.io/hostname", "topology.kubernetes.io/zone"];
const MIB = 2 ** 20;
const MEMORY_MIB = 128;

/** A file that the config names. */
interface NamedFile {
  /** Relative to the config file. */
  readonly path: string;
  /** In the Secret. */
  readonly key: string;
}

/** All but the rights; in the order in which they are made. */
export function gatewayObjects(options: GatewayOptions): Commented[] {
  return [configObject(options), deployment(options), service(options), disruptionBudget(options)];
}

export function serviceAccount({ namespace }: Pick<GatewayOptions, "namespace">): Commented {
  return { value: { apiVersion: "v1", kind: "ServiceAccount", metadata: metadata(namespace) } };
}

function metadata(namespace: string) {
  return { name: GATEWAY, namespace, labels: GATEWAY_LABELS };
}

/** A Secret where keys stand in the file itself. */
function configObject({ text, namespace }: GatewayOptions): Commented {
  const data = { "config.yaml": text };
  const of = (kind: string) => ({ apiVersion: "v1", kind, metadata: metadata(namespace) });
  return holdsKeys(text)
    ? {
      comment: "Keys stand in the config file, so it is a Secret; keyFile, keyEnv and keySha256 " +
        "let it be a ConfigMap.",
      value: { ...of("Secret"), stringData: data },
    }
    : {
      comment: "The gateway reads a changed file by itself, about a minute later.",
      value: { ...of("ConfigMap"), data },
    };
}

/** True if a client's key is in the text, and not in a variable or a file. */
function holdsKeys(text: string): boolean {
  const keys = parseDocument(text).getIn(["server", "keys"]);
  return isSeq(keys) && keys.items.some((entry) => {
    const key = isMap(entry) ? entry.get("key") : undefined;
    return typeof key === "string" && references(key).length === 0;
  });
}

/** The variables that the config names, with whether it does without. */
function variables({ config, text }: GatewayOptions): Map<string, boolean> {
  const optional = new Map<string, boolean>();
  visit(parseDocument(text), {
    Scalar(key, { value }) {
      if (key === "key" || typeof value !== "string") return;
      for (const { name, hasDefault } of references(value)) {
        if (name === PORT_NAME) continue;
        optional.set(name, hasDefault && optional.get(name) !== false);
      }
    },
  });
  const needed = [
    ...config.server.keys.map(({ keyEnv }) => keyEnv),
    ...config.models.map(({ upstreamKeyEnv }) => upstreamKeyEnv),
  ];
  for (const name of needed) if (name) optional.set(name, false);
  return optional;
}

/** Files below the config file's folder; those elsewhere are told by `foreignFiles`. */
function namedFiles(options: GatewayOptions): NamedFile[] {
  return allFiles(options).filter((path) => !path.startsWith("..")).map((path) => ({
    path,
    key: path.replaceAll("/", "."),
  }));
}

/** Variables that the config names and the image does not show to the gateway. */
export function hiddenVariables(options: GatewayOptions): string[] {
  return [...variables(options).keys()].filter((name) => !name.startsWith(SHOWN_PREFIX));
}

/** Absolute paths that the config names and no volume of ours brings. */
export function foreignFiles(options: GatewayOptions): string[] {
  const dir = dirname(options.path);
  return allFiles(options).filter((path) => path.startsWith(".."))
    .map((path) => new URL(path, `file://${dir}/`).pathname);
}

function allFiles({ config, path }: GatewayOptions): string[] {
  const files = [
    ...config.server.keys.map(({ keyFile }) => keyFile),
    ...config.models.flatMap(({ upstreamKeyFile, upstreamCaFile }) => [
      ...[upstreamKeyFile, upstreamCaFile],
    ]),
  ];
  const dir = dirname(path);
  return [...new Set(files.filter((file) => file !== undefined))].map((file) =>
    relative(dir, file)
  );
}

function deployment(options: GatewayOptions): Commented {
  const { config, namespace } = options;
  const { drainTimeoutMs, shutdownDelayMs } = config.server;
  const endingS = Math.ceil((shutdownDelayMs + drainTimeoutMs) / 1000);
  const spec = "spec.template.spec";
  const container = `${spec}.containers.0`;
  return {
    value: {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: metadata(namespace),
      spec: {
        replicas: 2,
        selector: { matchLabels: GATEWAY_LABELS },
        template: {
          metadata: { labels: GATEWAY_LABELS },
          spec: {
            serviceAccountName: GATEWAY,
            enableServiceLinks: false,
            terminationGracePeriodSeconds: endingS + ENDING_S,
            topologySpreadConstraints: SPREAD.map(spreadOver),
            securityContext: {
              ...{ runAsNonRoot: true, runAsUser: 65532, runAsGroup: 65532 },
              seccompProfile: { type: "RuntimeDefault" },
            },
            containers: [containerOf(options)],
            volumes: [{ name: "config", ...volumeOf(options) }],
          },
        },
      },
    },
    comments: pathsOf({
      "spec.replicas":
        "They agree by Leases on what may sleep; one alone would be a single point of failure.",
      [`${spec}.enableServiceLinks`]:
        "A Service called `vllm` would otherwise set VLLM_PORT=tcp://...",
      [`${spec}.terminationGracePeriodSeconds`]:
        `Longer than shutdownDelay and drainTimeout together (${endingS} s).`,
      [`${spec}.topologySpreadConstraints`]:
        "Apart from each other, where there is room: one node, or one zone, takes not all of them.",
      [`${container}.resources.limits`]:
        "Above bufferedMax, all request bodies that may be held at once.",
      [`${container}.volumeMounts.0`]:
        "The folder, not the file: a file mounted by subPath is never updated.",
      ...(variables(options).size === 0 ? {} : {
        [`${container}.env.1`]: "The config names it:\n" +
          `  kubectl create secret generic ${ENV_SECRET} -n ${namespace} --from-literal=NAME=VALUE`,
      }),
      ...(namedFiles(options).length === 0 ? {} : {
        [`${spec}.volumes`]: "With the files that the config names:\n" +
          `  kubectl create secret generic ${FILES_SECRET} -n ${namespace}` +
          namedFiles(options).map(({ key, path }) => ` --from-file=${key}=${path}`).join(""),
      }),
    }),
  };
}

function spreadOver(topologyKey: string) {
  return {
    ...{ topologyKey, maxSkew: 1, whenUnsatisfiable: "ScheduleAnyway" },
    labelSelector: { matchLabels: GATEWAY_LABELS },
  };
}

/** By paths such as `spec.replicas`. */
function pathsOf(comments: Readonly<Record<string, string>>): Comment[] {
  return Object.entries(comments).map(([path, text]) => [path.split("."), text]);
}

function containerOf(options: GatewayOptions) {
  const { config: { server }, image } = options;
  return {
    name: "gateway",
    image,
    args: ["serve", "--config", `${FOLDER}/config.yaml`],
    env: [
      { name: "POD_NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
      ...[...variables(options)].map(([name, optional]) => ({
        name,
        valueFrom: {
          secretKeyRef: { name: ENV_SECRET, key: name, ...(optional ? { optional } : {}) },
        },
      })),
    ],
    ports: [
      { name: "http", containerPort: server.listen.port },
      ...(isOpenToOperators(options) && server.operator
        ? [{ name: "operator", containerPort: server.operator.port }]
        : []),
    ],
    startupProbe: {
      httpGet: { path: "/health", port: "http" },
      ...{ periodSeconds: 1, failureThreshold: 30 },
    },
    livenessProbe: { httpGet: { path: "/health", port: "http" } },
    readinessProbe: {
      httpGet: { path: "/readyz", port: "http" },
      ...{ periodSeconds: 2, failureThreshold: 1 },
    },
    resources: {
      requests: { cpu: "100m", memory: `${MEMORY_MIB}Mi` },
      limits: { memory: memoryLimit(server.bufferedMax) },
    },
    securityContext: {
      ...{ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true },
      capabilities: { drop: ["ALL"] },
    },
    volumeMounts: [{ name: "config", mountPath: FOLDER, readOnly: true }],
  };
}

/** True if others than the pod itself reach the operator surface. */
export function isOpenToOperators({ config: { server } }: Pick<GatewayOptions, "config">): boolean {
  return server.operator !== false && !isLoopback(server.operator.hostname);
}

/** Twice what may be held: a body is there twice while it is taken in. */
function memoryLimit(bufferedMax: number): string {
  const mib = Math.max(2 * MEMORY_MIB, Math.ceil(2 * bufferedMax / MIB));
  return mib % 1024 === 0 ? `${mib / 1024}Gi` : `${mib}Mi`;
}

function volumeOf(options: GatewayOptions) {
  const isSecret = holdsKeys(options.text);
  const files = namedFiles(options);
  if (files.length === 0) {
    return isSecret ? { secret: { secretName: GATEWAY } } : { configMap: { name: GATEWAY } };
  }
  return {
    projected: {
      sources: [
        { [isSecret ? "secret" : "configMap"]: { name: GATEWAY } },
        { secret: { name: FILES_SECRET, items: files.map(({ key, path }) => ({ key, path })) } },
      ],
    },
  };
}

function service({ namespace }: GatewayOptions): Commented {
  return {
    comment: "For clients. The operator surface is not in it: each gateway tells of itself.",
    value: {
      apiVersion: "v1",
      kind: "Service",
      metadata: metadata(namespace),
      spec: {
        selector: GATEWAY_LABELS,
        ports: [{ name: "http", port: 80, targetPort: "http" }],
      },
    },
  };
}

function disruptionBudget({ namespace }: GatewayOptions): Commented {
  return {
    value: {
      apiVersion: "policy/v1",
      kind: "PodDisruptionBudget",
      metadata: metadata(namespace),
      spec: { maxUnavailable: 1, selector: { matchLabels: GATEWAY_LABELS } },
    },
    comments: pathsOf({ "spec.maxUnavailable": "Nodes are drained one after another." }),
  };
}
