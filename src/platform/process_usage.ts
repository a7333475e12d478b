/** What this process uses. Node's `process` is the global one, which is there, and loaded, only once it is asked. */

export interface ProcessUsage {
  readonly residentBytes: number;
  /** User and system time together. */
  readonly cpuSeconds: number;
  /** Since the Unix epoch. */
  readonly startedSeconds: number;
}

const startedSeconds = performance.timeOrigin / 1_000;

export const processUsage: ProcessUsage = {
  get residentBytes() {
    return Deno.memoryUsage().rss;
  },
  get cpuSeconds() {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1_000_000;
  },
  startedSeconds,
};
