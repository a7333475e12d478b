/** What a pod tells of why it does not run. */
import type { Container } from "./pod_template.ts";
import type { KubernetesObject } from "./reflector.ts";

export interface PodView {
  readonly name: string;
  readonly uid: string;
  readonly labels: Readonly<Record<string, string>>;
  /** A node has taken it. */
  readonly isScheduled: boolean;
  readonly node: string | undefined;
  readonly isReady: boolean;
  /** It was told to go. */
  readonly isLeaving: boolean;
  /** Of the pod itself: `Evicted`, `DeadlineExceeded`, ...; its own words. */
  readonly failed: { readonly reason: string; readonly message: string } | undefined;
  /** Why no node takes it. */
  readonly unschedulable: { readonly message: string } | undefined;
  readonly containers: readonly ContainerView[];
}

export interface ContainerView {
  readonly name: string;
  readonly isInit: boolean;
  readonly image: string;
  /** Its readinessProbe, e.g. `GET :8000/health`; undefined: it has none that is a request. */
  readonly probe?: string | undefined;
  readonly isRunning: boolean;
  /** How often it ended, the present end too. */
  readonly ends: number;
  readonly waiting: { readonly reason: string; readonly message: string } | undefined;
  /** How it ended last. */
  readonly ended:
    | { readonly reason: string; readonly exitCode: number; readonly message: string }
    | undefined;
}

interface ContainerStatus {
  readonly name: string;
  readonly image?: string;
  readonly restartCount?: number;
  readonly state?: State;
  readonly lastState?: State;
}

interface State {
  readonly waiting?: { readonly reason?: string; readonly message?: string };
  readonly running?: unknown;
  readonly terminated?: {
    readonly reason?: string;
    readonly exitCode?: number;
    readonly message?: string;
  };
}

export function podView(object: KubernetesObject): PodView {
  const { metadata, spec, status = {} } = object as KubernetesObject & {
    metadata: {
      labels?: Record<string, string>;
      deletionTimestamp?: string;
    };
    spec?: { nodeName?: string; containers?: readonly Container[] };
    status?: {
      phase?: string;
      reason?: string;
      message?: string;
      conditions?: readonly {
        type: string;
        status: string;
        reason?: string;
        message?: string;
      }[];
      initContainerStatuses?: readonly ContainerStatus[];
      containerStatuses?: readonly ContainerStatus[];
    };
  };
  const scheduled = status.conditions?.find(({ type }) => type === "PodScheduled");
  const isUnschedulable = scheduled?.status === "False" && scheduled.reason === "Unschedulable";
  return {
    name: metadata.name,
    uid: metadata.uid,
    labels: metadata.labels ?? {},
    isScheduled: scheduled?.status === "True" || spec?.nodeName !== undefined,
    node: spec?.nodeName,
    isReady: status.conditions?.some(({ type, status }) => type === "Ready" && status === "True") ??
      false,
    isLeaving: metadata.deletionTimestamp !== undefined,
    failed: status.phase === "Failed"
      ? { reason: status.reason ?? "Failed", message: status.message ?? "" }
      : undefined,
    unschedulable: isUnschedulable ? { message: scheduled.message ?? "" } : undefined,
    containers: [
      ...(status.initContainerStatuses ?? []).map((each) => containerView(each, true)),
      ...(status.containerStatuses ?? []).map((each) => ({
        ...containerView(each, false),
        probe: probeText(spec?.containers?.find(({ name }) => name === each.name)),
      })),
    ],
  };
}

/** What a kubelet asks before it calls the container ready. */
function probeText({ readinessProbe }: Partial<Container> = {}): string | undefined {
  const { httpGet, tcpSocket } = readinessProbe ?? {};
  if (httpGet) return `GET :${httpGet.port}${httpGet.path ?? "/"}`;
  return tcpSocket && `a connection to :${tcpSocket.port}`;
}

function containerView(status: ContainerStatus, isInit: boolean): ContainerView {
  const { name, image = "", restartCount = 0, state = {}, lastState = {} } = status;
  const terminated = state.terminated ?? lastState.terminated;
  // An init container that ended well has done its work.
  const endsNow = state.terminated && !(isInit && state.terminated.exitCode === 0) ? 1 : 0;
  return {
    name,
    isInit,
    image,
    isRunning: state.running !== undefined,
    ends: restartCount + endsNow,
    waiting: state.waiting && {
      reason: state.waiting.reason ?? "",
      message: state.waiting.message ?? "",
    },
    ended: terminated && {
      reason: terminated.reason ?? "",
      exitCode: terminated.exitCode ?? 0,
      message: terminated.message ?? "",
    },
  };
}
