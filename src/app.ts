/**
 * The composition root: a config and a platform in; a request handler, a reload and a drain out. What
 * is made of what stands here and nowhere else.
 */
import { Activator } from "./activator/activator.ts";
import type { ScaleTarget } from "./activator/scale_target.ts";
import { type ConfigDiff, diffConfig } from "./config/diff.ts";
import type { Config, ModelSpec } from "./config/spec.ts";
import { createGateway } from "./gateway/gateway.ts";
import { Traces } from "./gateway/request_trace.ts";
import { createRouteTable } from "./gateway/routes.ts";
import type { Snapshot } from "./gateway/snapshot.ts";
import { createOperator } from "./operator/operator.ts";
import type { Clock } from "./platform/clock.ts";
import type { CreateFetch, Fetch } from "./platform/fetch.ts";
import type { Files } from "./platform/files.ts";
import type { Handler } from "./platform/http_messages.ts";
import type { ProcessUsage } from "./platform/process_usage.ts";
import type { Processes } from "./platform/processes.ts";
import type { createSendRequest, SendRequest } from "./platform/http_client.ts";
import type { Random } from "./platform/random.ts";
import type { Tcp } from "./platform/tcp.ts";
import type { Tracer } from "./platform/tracer.ts";
import type { ConnectWebSocket, CreateConnectWebSocket } from "./platform/web_socket.ts";
import { findCluster } from "./targets/kubernetes/find_cluster.ts";
import { Kubernetes, type KubernetesOptions } from "./targets/kubernetes/kubernetes.ts";
import { createExternalTarget } from "./targets/external.ts";
import {
  createProcessTarget,
  type ProcessTargetOptions,
} from "./targets/process/process_target.ts";
import type { Log } from "./telemetry/log.ts";

export interface Platform {
  readonly clock: Clock;
  readonly random: Random;
  readonly createFetch: CreateFetch;
  readonly createSendRequest: typeof createSendRequest;
  readonly tcp: Tcp;
  readonly createConnectWebSocket: CreateConnectWebSocket;
  readonly files: Files;
  readonly processes: Processes;
  readonly usage: ProcessUsage;
  /** Undefined: nothing is traced. */
  readonly tracer: Tracer | undefined;
  readonly env: (name: string) => string | undefined;
  /** What other gateways know this one by. */
  readonly identity: string;
}

export interface App {
  readonly handle: Handler;
  /** What operators ask, at `server.operator`. */
  readonly operate: Handler;
  readonly config: Config;
  /** Takes over a new config; what is in flight or waits goes on. Says what it changed. */
  reload(config: Config): Promise<ConfigDiff>;
  /** A config was refused: it is counted, and changes nothing. */
  refuseReload(): void;
  /** `/readyz` says 503, so that nobody sends us new requests; all are served as before. */
  leave(): void;
  /** Refuses new requests, and those that wait for what ends with us. */
  drain(): void;
  /** Refuses all that wait. */
  giveUp(): void;
  /** Lets go of every target: local processes are stopped (or killed), workloads left as they are. */
  close(how?: "kill"): Promise<void>;
}

/** A config that this program cannot serve; the message says what to change. */
export class Unservable extends Error {}

/** @throws Unservable */
export async function createApp(
  config: Config,
  platform: Platform,
  log: Log,
  version: string,
): Promise<App> {
  const { clock, tracer } = platform;
  const traces = tracer && new Traces(tracer, clock);
  const fetch = platform.createFetch();
  const operator = createOperator({
    ...{ ...platform, log, version, activator: () => activator },
    hostname: config.server.operator ? config.server.operator.hostname : "",
    config: () => current,
    isReady: () => gateway.isReady,
    heldBytes: () => gateway.heldBytes,
  });
  const shared = { ...platform, fetch, log, scrapeFailed: operator.scrapeFailed };
  const cluster = new Cluster({ ...shared, observer: operator.kubernetes });
  await cluster.prepare(config);
  const upstreams = createUpstreams(fetch, platform);
  await upstreams.prepare(config);
  const activator = new Activator({
    clock,
    log,
    onChange: (...change) => [operator, traces?.wakes].forEach((each) => each?.changed(...change)),
    createTarget: (spec, after) => createTarget(spec, cluster, { ...shared, after }),
  });
  let current = config;
  let snapshot = snapshotOf(config, activator);
  for (const spec of config.models) activator.add(spec);
  const gateway = createGateway({
    ...platform,
    ...upstreams,
    ...{ log, version, traces },
    config: () => snapshot,
    observe: operator.answered,
  });

  return {
    handle: gateway.handle,
    operate: operator.handle,
    get config() {
      return current;
    },
    async reload(next) {
      await cluster.prepare(next);
      await upstreams.prepare(next);
      // From here on nothing is awaited: no request sees half of the new config.
      const diff = diffConfig(current, next);
      applyDiff(diff, next, activator);
      current = next;
      snapshot = snapshotOf(next, activator);
      operator.reloaded("success");
      return diff;
    },
    refuseReload: () => operator.reloaded("failure"),
    leave: () => gateway.leave(),
    drain() {
      gateway.refuse();
      activator.drain();
    },
    giveUp: () => activator.giveUp(),
    async close(how) {
      traces?.wakes.close();
      await activator.close(how);
      await cluster.close();
    },
  };
}

function applyDiff(diff: ConfigDiff, { models }: Config, activator: Activator): void {
  const specs = new Map(models.map((spec) => [spec.name, spec]));
  for (const name of diff.removed) activator.remove(name);
  for (const name of diff.added) activator.add(specs.get(name)!);
  for (const { name, targetChanged } of diff.changed) {
    if (targetChanged) activator.replace(specs.get(name)!);
    else activator.update(specs.get(name)!);
  }
}

function snapshotOf({ server, models, routes, dropIn }: Config, activator: Activator): Snapshot {
  return {
    server,
    models,
    routes: createRouteTable(models, routes),
    dropIn: dropIn === true,
    admission: (name) => activator.find(name),
    state: (name) => activator.find(name)?.state ?? "removed",
  };
}

/** How upstreams are reached. */
interface Upstreams {
  sendRequest(spec: ModelSpec): SendRequest;
  connectWebSocket(spec: ModelSpec): ConnectWebSocket;
  /** Gets ready to reach those of `config`. @throws Unservable */
  prepare(config: Config): Promise<void>;
}

interface Connections {
  readonly sendRequest: SendRequest;
  readonly connectWebSocket: ConnectWebSocket;
}

function createUpstreams(fetch: Fetch, platform: Platform): Upstreams {
  const plain: Connections = {
    sendRequest: platform.createSendRequest(fetch),
    connectWebSocket: platform.createConnectWebSocket(),
  };
  let connections: ReadonlyMap<string | undefined, Connections>;
  const of = ({ upstreamCaFile }: ModelSpec) => connections.get(upstreamCaFile) ?? plain;
  return {
    sendRequest: (spec) => of(spec).sendRequest,
    connectWebSocket: (spec) => of(spec).connectWebSocket,
    async prepare(config) {
      connections = await createConnections(config, plain, platform);
    },
  };
}

/** By CA file: upstreams that trust one have connections of their own. @throws Unservable */
async function createConnections(
  { models }: Config,
  plain: Connections,
  { createFetch, createSendRequest, createConnectWebSocket, files }: Platform,
): Promise<Map<string | undefined, Connections>> {
  const connections = new Map<string | undefined, Connections>([[undefined, plain]]);
  for (const { name, upstreamCaFile: file } of models) {
    if (connections.has(file)) continue;
    try {
      const trust = { caCerts: [await files.readText(file!)] };
      connections.set(file, {
        sendRequest: createSendRequest(createFetch(trust)),
        connectWebSocket: createConnectWebSocket(trust),
      });
    } catch (error) {
      const reason = (error as Error).message;
      throw new Unservable(`Cannot read the upstreamCaFile of model '${name}': ${file}: ${reason}`);
    }
  }
  return connections;
}

/** The cluster, from the first model on that is one of its workloads. */
class Cluster {
  #kubernetes: Kubernetes | undefined;

  constructor(
    readonly options:
      & Platform
      & Pick<KubernetesOptions, "fetch" | "log" | "observer" | "scrapeFailed">,
  ) {}

  /** Gets ready to make the targets of `config`. @throws Unservable */
  async prepare({ models, kubernetes }: Config): Promise<void> {
    const first = models.find(({ scale: { kind } }) => kind !== "process" && kind !== "external");
    if (!first) return;
    try {
      this.#kubernetes ??= new Kubernetes({
        ...this.options,
        access: await findCluster(kubernetes, this.options),
      });
      await this.#kubernetes.learnKinds(models);
    } catch (error) {
      throw new Unservable(`Cannot scale model '${first.name}': ${(error as Error).message}`);
    }
  }

  target(spec: ModelSpec, after: Promise<void>): ScaleTarget {
    return this.#kubernetes!.target(spec, after);
  }

  async close(): Promise<void> {
    await this.#kubernetes?.close();
  }
}

function createTarget(
  spec: ModelSpec,
  cluster: Cluster,
  options: Platform & ProcessTargetOptions & { readonly after: Promise<void> },
): ScaleTarget {
  switch (spec.scale.kind) {
    case "process":
      return createProcessTarget(spec, options);
    case "external":
      return createExternalTarget(spec.upstream!);
    default:
      return cluster.target(spec, options.after);
  }
}
