/** Processes that live and die as a test says, without any time of their own. */
import {
  CannotSpawn,
  type ChildProcess,
  type Exit,
  type Processes,
  type SpawnOptions,
} from "../platform/processes.ts";

export class FakeProcesses implements Processes {
  /** All that were started, the latest last. */
  readonly children: FakeChild[] = [];
  /** Set: no start succeeds, for this reason. */
  refusal: string | undefined;

  spawn(options: SpawnOptions): ChildProcess {
    if (this.refusal !== undefined) throw new CannotSpawn(this.refusal);
    const child = new FakeChild(1_000 + this.children.length, options);
    this.children.push(child);
    return child;
  }

  get last(): FakeChild {
    return this.children.at(-1)!;
  }
}

export class FakeChild implements ChildProcess {
  readonly signals: string[] = [];
  readonly #exit = Promise.withResolvers<Exit>();
  readonly #gone = Promise.withResolvers<void>();
  readonly exit = this.#exit.promise;
  readonly gone = this.#gone.promise;

  constructor(readonly pid: number, readonly options: SpawnOptions) {}

  signal(name: "SIGTERM" | "SIGKILL"): void {
    this.signals.push(name);
  }

  write(text: string, stream: "stdout" | "stderr" = "stderr"): void {
    this.options.output(new TextEncoder().encode(text), stream);
  }

  /** The command ends, the rest of its group does not yet. */
  exitWith(exit: Partial<Exit> = {}): void {
    this.#exit.resolve({ code: 0, signal: undefined, ...exit });
  }

  /** The command and all of its group end. */
  end(exit: Partial<Exit> = {}): void {
    this.exitWith(exit);
    this.#gone.resolve();
  }
}
