/** What operators are told of a target besides its state. */

export interface TargetDetails {
  /** Wanted, and ready; undefined where there is no such number. */
  readonly replicas?: { readonly desired: number; readonly ready: number } | undefined;
  readonly pods: readonly PodDetails[];
  /** Undefined where no GPU is asked for, or nobody knows; `gpuTotal` is its total, which costs less to ask for. */
  readonly gpuTime?: GpuTime | undefined;
  readonly gpuTotal?: GpuSeconds | undefined;
}

export interface PodDetails {
  readonly name: string;
  readonly node: string | undefined;
  readonly isReady: boolean;
  /** For people, e.g. `pulls vllm:v1`. */
  readonly status: string;
}

/** GPU seconds, by the record that all gateways share. */
export interface GpuTime {
  /** So many GPUs it holds when it is up. */
  readonly count: number;
  /** Since the record began. */
  readonly total: GpuSeconds;
  /** Since midnight UTC. */
  readonly today: GpuSeconds;
  /** Today and the six days before it. */
  readonly week: GpuSeconds;
}

export interface GpuSeconds {
  readonly up: number;
  /** At zero, when it would have held them. */
  readonly freed: number;
}

export const NO_DETAILS: TargetDetails = { pods: [] };
