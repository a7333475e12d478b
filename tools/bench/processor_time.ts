/** Processor time and memory of another process, from Linux's `/proc`. */

/** Clock ticks a second: 100 on every Linux that Deno runs on. */
const TICKS_PER_S = 100;

/** User and system time of process `pid` so far, in ms; a resolution of 10 ms. */
export function processorMs(pid: number): number {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * (1000 / TICKS_PER_S);
}

/** Resident memory of process `pid`, in MiB. */
export function residentMiB(pid: number): number {
  return statusMiB(pid, "VmRSS");
}

/** The most that it ever was. */
export function peakMiB(pid: number): number {
  return statusMiB(pid, "VmHWM");
}

function statusMiB(pid: number, key: string): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(new RegExp(`^${key}:\\s+(\\d+)`, "m").exec(status)?.[1]) / 1024;
}
