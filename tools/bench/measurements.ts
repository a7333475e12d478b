/** What the comparison measures, by the names that its figures and their targets have in common. */

export type Percentile = "p50" | "p95" | "p99";

export const rateOf = (size: string) => `requests a second, ${size}`;
export const processorTimeOf = (what: string) => `processor time of ${what}`;
export const busyWith = (size: string) => `busy with requests, ${size}`;
export const latencyOf = (what: string, at: Percentile) => `latency of ${what}, ${at}`;
export const addedLatencyOf = (what: string, at: Percentile) => `added latency of ${what}, ${at}`;
export const memoryWhen = (when: string) => `resident memory, ${when}`;

export const REQUEST = "a request";
export const EVENT = "an event, 100 streams";
export const CALM_EVENT = "an event, 10 streams";
export const IDLE = "idle";
export const STREAMING = "500 open streams";
export const AFTER_LARGE = "just after 50 bodies of 1 MB";
export const LATER = "10 s later";
/** How quiet the machine was. */
export const OTHERS_TOOK = "taken by other processes meanwhile";
export const PEAK = "the peak of all this";
