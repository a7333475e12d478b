/** `manifests`: all that runs a gateway in a cluster, with the smallest rights for its config, to be applied. */
import { resolve } from "node:path";
import { isLoopback } from "../config/address.ts";
import type { Config } from "../config/spec.ts";
import { SHOWN_PREFIX } from "../config/unset_variable.ts";
import { systemClock as clock } from "../platform/clock.ts";
import { createFetch } from "../platform/fetch.ts";
import { systemFiles as files } from "../platform/files.ts";
import { systemRandom as random } from "../platform/random.ts";
import { KubernetesApi } from "../targets/kubernetes/api.ts";
import type { ClusterAccess } from "../targets/kubernetes/cluster_access.ts";
import { findCluster } from "../targets/kubernetes/find_cluster.ts";
import {
  BUILT_IN,
  guessedResource,
  isWorkloadModel,
  Kinds,
  type Resource,
  type WorkloadModel,
  type WorkloadSpec,
} from "../targets/kubernetes/kinds.ts";
import { permissionsOf } from "../targets/kubernetes/permissions.ts";
import { GATEWAY, type RoleObject, roleObjects } from "../targets/kubernetes/role_objects.ts";
import { asComment, type Comment, type Commented, commentedYaml } from "./commented_yaml.ts";
import {
  foreignFiles,
  gatewayObjects,
  type GatewayOptions,
  hiddenVariables,
  isOpenToOperators,
  serviceAccount,
} from "./gateway_objects.ts";
import { findConfig } from "./serve_config.ts";
import type { Terminal } from "./terminal.ts";

export interface ManifestsOptions {
  readonly config?: string;
  /** The gateway's. Default: `kubernetes.namespace`, else the context's. */
  readonly namespace?: string;
  /** Default: `vllm-autoscaler:VERSION`, which somebody has to build. */
  readonly image?: string;
  /** It may scale every Deployment and StatefulSet of the models' namespaces. */
  readonly anyWorkload?: boolean;
  /** A `List` for programs, without comments. */
  readonly json?: boolean;
  readonly version: string;
  readonly terminal: Terminal;
}

/** Resolves with the exit code: 1 the config is not valid, or is none for a cluster; 2 wrong usage. */
export async function manifestsCommand(options: ManifestsOptions): Promise<number> {
  const { terminal, version, image, anyWorkload = false, json = false } = options;
  const found = await findConfig(options.config ? { config: options.config } : {}, terminal);
  if (typeof found === "number") return found;
  const { config, file } = found;
  if (!file) {
    terminal.err("manifests are made for a config file: name one with --config FILE");
    return 2;
  }
  const unfit = unfitFor(config);
  if (unfit) {
    terminal.err(unfit);
    return 1;
  }
  const access = await accessOf(config, terminal);
  const namespace = options.namespace ?? access?.namespace ?? "default";
  const gateway: GatewayOptions = {
    ...{ config, namespace, text: file.text, path: resolve(file.source.path) },
    image: image ?? `${GATEWAY}:${version}`,
  };
  const { resourceOf, notes } = await resourcesOf(config, access);
  const models = config.models.filter(isWorkloadModel);
  // Of what names none, and of the Leases.
  const home = config.kubernetes.namespace || namespace;
  const permissions = permissionsOf(models, { namespace: home, resourceOf });
  const roles = roleObjects(permissions, { namespace, anyWorkload })
    .map((object) => commentedRole(object, models));
  const documents = [serviceAccount(gateway), ...roles, ...gatewayObjects(gateway)];
  const told = found.warnings.map(({ at, reason }) => at ? `${at}: ${reason}` : reason);
  const warnings = [...notes, ...warningsOf(gateway), ...told];
  for (const warning of warnings) terminal.err(`warning: ${warning}`);
  terminal.out(
    json
      ? JSON.stringify({ apiVersion: "v1", kind: "List", items: documents.map(valueOf) }, null, 2)
      : `${heading(options, gateway, warnings)}\n${commentedYaml(documents)}`,
  );
  return 0;
}

function valueOf({ value }: Commented): unknown {
  return value;
}

/** Why a gateway with this config could not work in a pod. */
function unfitFor({ server: { listen } }: Config): string | undefined {
  if (isLoopback(listen.hostname)) {
    return `server.listen is ${listen.hostname}: nobody outside the pod would reach it. Write 0.0.0.0:8080`;
  }
  if (listen.port === 0) {
    return "server.listen has port 0, any free one: a Service needs a fixed port. Write 0.0.0.0:8080";
  }
  return undefined;
}

/** Undefined: there is no cluster here. It is asked only for the names of custom kinds. */
async function accessOf(
  { kubernetes }: Config,
  { env }: Terminal,
): Promise<ClusterAccess | undefined> {
  const options = { env: (name: string) => env[name], files, clock, createFetch };
  return await findCluster(kubernetes, options).catch(() => undefined);
}

async function resourcesOf({ models }: Config, access: ClusterAccess | undefined) {
  const kinds = access && new Kinds(new KubernetesApi({ access, clock, random }));
  const learnt = new Set<WorkloadSpec>();
  const notes: string[] = [];
  for (const { scale, name } of models.filter(isWorkloadModel)) {
    if (scale.kind !== "workload") continue;
    try {
      if (!kinds) throw new Error("there is no cluster to ask");
      await kinds.learn(scale);
      learnt.add(scale);
    } catch (error) {
      notes.push(
        `model ${name}: that ${scale.workloadKind} is called ${guessedResource(scale).plural} in ` +
          `URLs is a guess (${(error as Error).message}): see kubectl api-resources`,
      );
    }
  }
  const resourceOf = (scale: WorkloadSpec): Resource => {
    if (scale.kind !== "workload") return BUILT_IN[scale.kind];
    return learnt.has(scale) ? kinds!.resourceOf(scale) : guessedResource(scale);
  };
  return { resourceOf, notes };
}

function commentedRole(
  object: RoleObject | Record<string, unknown>,
  models: readonly WorkloadModel[],
): Commented {
  if (object.kind !== "Role") return { value: object };
  const groups = new Set(
    models.flatMap(({ scale }) =>
      scale.kind === "workload" ? [scale.apiVersion.split("/")[0]!] : []
    ),
  );
  const comments: Comment[] = [];
  (object as RoleObject).rules.forEach(({ apiGroups, resources, verbs }, at) => {
    const isWhole = verbs.includes("patch") && resources.some((name) => !name.includes("/"));
    if (isWhole && groups.has(apiGroups[0]!)) {
      comments.push([
        ["rules", String(at)],
        `CAREFUL: this kind keeps no annotations through /status, so it needs \`patch\` on ${
          resources.join(", ")
        } as a whole: whoever breaks into the gateway can change all of such an object, its pods' image too.`,
      ]);
    }
  });
  return { value: object, comment: ROLE_COMMENT, comments };
}

const ROLE_COMMENT =
  "All that the gateway may do here. It scales through /scale and keeps notes in annotations " +
  "through /status; it may not patch a Deployment itself, so that whoever breaks in cannot run an " +
  "image. What is watched is watched in the whole namespace: only `get` and `patch` can be for " +
  "single names.";

function warningsOf(options: GatewayOptions): string[] {
  const { config: { server, kubernetes, models }, namespace } = options;
  const warnings: string[] = [];
  if (server.operator && !isOpenToOperators(options)) {
    const { port } = server.operator;
    warnings.push(
      `server.operator is ${server.operator.hostname}:${port}: Prometheus does not reach it, only ` +
        `\`kubectl port-forward -n ${namespace} deploy/${GATEWAY} ${port}\` does. With ` +
        "`operator: 0.0.0.0:9090` the metrics are open, and the rest to keys with `operator: true`",
    );
  }
  const local = models.filter(({ scale }) => scale.kind === "process").map(({ name }) => name);
  if (local.length > 0) {
    warnings.push(
      `${
        local.join(", ")
      }: a process is started in the gateway's own pod; its image has no engine and ` +
        "may start no program",
    );
  }
  if (kubernetes.kubeconfig || kubernetes.context) {
    warnings.push(
      "kubernetes.kubeconfig and kubernetes.context are for a gateway outside the cluster: leave " +
        "them out, and it uses its ServiceAccount",
    );
  }
  for (const name of hiddenVariables(options)) {
    warnings.push(
      `\${${name}}: the image does not show it to the gateway: give it a name that begins with ` +
        SHOWN_PREFIX,
    );
  }
  for (const path of foreignFiles(options)) {
    warnings.push(
      `${path}: the gateway may read only below /etc/vllm-autoscaler: name the file relative to the ` +
        "config file, and it is mounted from a Secret",
    );
  }
  return warnings;
}

function heading(
  { version, image }: ManifestsOptions,
  { namespace, path }: GatewayOptions,
  warnings: readonly string[],
): string {
  const name = path.slice(path.lastIndexOf("/") + 1);
  return asComment([
    `A gateway (vllm-autoscaler ${version}) for ${name}, in namespace ${namespace}, which must be there:`,
    `  vllm-autoscaler manifests --config ${name} | kubectl apply -f -`,
    ...(image ? [] : ["The image is the one that the Dockerfile makes; --image names another."]),
    ...warnings.map((warning) => `WARNING: ${warning}`),
  ].join("\n"));
}
