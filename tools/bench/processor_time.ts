/** Processor time and memory of other processes, from Linux's `/proc`. */

/** Clock ticks a second: 100 on every Linux that Deno runs on. */
const TICKS_PER_S = 100;

/** User and system time of process `pid` so far, in ms; a resolution of 10 ms. */
export function processorMs(pid: number): number {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * (1000 / TICKS_PER_S);
}

/** What all processes of the machine have taken of its cores so far, and its host from it, in ms. */
export function machineMs(): number {
  const [, ...ticks] = Deno.readTextFileSync("/proc/stat").split("\n")[0]!.split(/\s+/).map(Number);
  const [user, nice, system, , , irq, softirq, steal] = ticks as [
    ...[number, number, number, number, number, number, number, number],
  ];
  return (user + nice + system + irq + softirq + steal) * (1000 / TICKS_PER_S);
}

/** Resident memory of process `pid`, in MiB. */
export function residentMiB(pid: number): number {
  return memoryMiB(pid, "VmRSS");
}

/** The most that was resident of process `pid` since its start, in MiB. */
export function peakMiB(pid: number): number {
  return memoryMiB(pid, "VmHWM");
}

function memoryMiB(pid: number, field: string): number {
  const text = Deno.readTextFileSync(`/proc/${pid}/status`);
  const [, kib] = new RegExp(`${field}:\\s+(\\d+)`).exec(text) ?? [];
  return Number(kib) / 1024;
}

/** Process `pid` and all that it and its children have started. */
export function family(pid: number): number[] {
  const children = Deno.readTextFileSync(`/proc/${pid}/task/${pid}/children`);
  return [pid, ...children.split(" ").filter(Boolean).flatMap((child) => family(Number(child)))];
}

/** `of` of all of a family, as a sum. */
export function familySum(pid: number, of: (pid: number) => number): number {
  return family(pid).reduce((sum, each) => sum + of(each), 0);
}
