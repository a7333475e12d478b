/** What this process uses. */
import { cpuUsage } from "node:process";

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
    const { user, system } = cpuUsage();
    return (user + system) / 1_000_000;
  },
  startedSeconds,
};
