/** A limit on the memory of processes, as a container's: a control group of our own, where root may make one. */

const ROOT = "/sys/fs/cgroup";

/** What the two versions of control groups call the same things. */
const VERSIONS = [
  {
    ...{ folder: `${ROOT}/memory`, limit: "memory.limit_in_bytes" },
    ...{ peak: "memory.max_usage_in_bytes", events: "memory.oom_control" },
  },
  {
    ...{ folder: ROOT, limit: "memory.max", peak: "memory.peak", events: "memory.events" },
  },
] as const;

export class MemoryLimit implements Disposable {
  private constructor(readonly dir: string, readonly version: typeof VERSIONS[number]) {}

  /** One of `mib`, or why there can be none. */
  static create(mib: number): MemoryLimit | { readonly reason: string } {
    for (const version of VERSIONS) {
      const dir = `${version.folder}/vllm-autoscaler-${Deno.pid}`;
      try {
        Deno.mkdirSync(dir);
      } catch {
        continue;
      }
      const limit = new MemoryLimit(dir, version);
      try {
        Deno.writeTextFileSync(`${dir}/${version.limit}`, String(mib * 1024 * 1024));
        return limit;
      } catch {
        limit[Symbol.dispose]();
      }
    }
    return { reason: "no control group can be made here" };
  }

  /** In front of a command: its process is under the limit, from its first instruction. */
  get enter(): readonly string[] {
    return ["sh", "-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"', this.dir];
  }

  outcome(): string {
    const read = (name: string) => Deno.readTextFileSync(`${this.dir}/${name}`);
    const [, killed] = /^oom_kill (\d+)$/m.exec(read(this.version.events)) ?? [];
    return `${(Number(read(this.version.peak)) / 1024 / 1024).toFixed(1)} MiB, ${killed}`;
  }

  /** Whoever was in it must have ended. */
  [Symbol.dispose](): void {
    Deno.removeSync(this.dir);
  }
}
