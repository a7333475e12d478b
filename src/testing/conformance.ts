/**
 * What every {@link ScaleTarget} must do, whatever it scales. A target's own test makes the worlds, and
 * tests what only that target can do.
 */
import { expect } from "expect";
import type {
  CommandResult,
  Failure,
  Observation,
  ScaleTarget,
  TargetObserver,
  Workload,
} from "../activator/scale_target.ts";

const NEVER = new AbortController().signal;

/** One target with everything that it needs, and with nothing running. */
export interface World extends AsyncDisposable {
  readonly target: ScaleTarget;
  /** Lets the world go on until `condition` holds; throws if it does not within a fair time. */
  until(condition: () => boolean): Promise<void>;
}

export interface WorldOptions {
  /** `broken`: its wake can never succeed. `stubborn`: it takes its time to start and to stop. */
  readonly kind: "sound" | "broken" | "stubborn";
}

export type MakeWorld = (options: WorldOptions) => Promise<World>;

export function conformanceTests(
  name: string,
  makeWorld: MakeWorld,
  declare: (name: string, run: () => Promise<void>) => void = Deno.test,
): void {
  const test = (
    what: string,
    run: (watched: Watched) => Promise<void>,
    kind: WorldOptions["kind"] = "sound",
  ) =>
    declare(`${name} target ${what}`, async () => {
      await using world = await makeWorld({ kind });
      await run(new Watched(world));
    });
  wakeTests(test);
  sleepTests(test);
  otherTests(test);
}

type Test = (
  what: string,
  run: (watched: Watched) => Promise<void>,
  kind?: WorldOptions["kind"],
) => void;

/** A world, and what its target told us. */
class Watched implements TargetObserver {
  readonly target: ScaleTarget;
  readonly pins: (number | undefined)[] = [];
  readonly news: (Observation | { readonly failure: Failure; readonly asOf: number })[] = [];

  constructor(readonly world: World) {
    this.target = world.target;
    this.target.subscribe(this);
  }

  saw(observation: Observation): void {
    this.news.push(observation);
  }

  failed(failure: Failure, asOf: number): void {
    this.news.push({ failure, asOf });
  }

  /** Who says nothing of it is as good. */
  lapsed(): void {}
  unfenced(): void {}

  progressed(): void {}
  pinned(untilMs: number | undefined): void {
    this.pins.push(untilMs);
  }

  async look(): Promise<Workload> {
    return (await this.target.look(new AbortController().signal)).workload;
  }

  /** Gives a command that must be done; its fence. */
  async told(command: "wake" | "sleep"): Promise<number> {
    return fenceOf(await this.target[command](NEVER, NEVER, "idle"));
  }

  /** The news that counts after a command. */
  since(fence: number): Workload[] {
    return this.news.filter(({ asOf }) => asOf >= fence)
      .flatMap((each) => "workload" in each ? [each.workload] : []);
  }

  /** Waits for `phase` in the news that counts after a command. */
  async sees(phase: Workload["phase"], fence: number): Promise<void> {
    await this.world.until(() => this.since(fence).at(-1)?.phase === phase);
  }

  /** Wakes and waits; the endpoints. */
  async up(): Promise<readonly string[]> {
    const fence = await this.told("wake");
    await this.sees("ready", fence);
    return endpointsOf(this.since(fence).at(-1));
  }
}

function fenceOf(result: CommandResult): number {
  if (result.outcome !== "done") throw new Error(`not done: ${JSON.stringify(result)}`);
  return result.fence;
}

function endpointsOf(workload: Workload | undefined): readonly string[] {
  if (workload?.phase !== "ready") throw new Error(`not ready: ${JSON.stringify(workload)}`);
  expect(workload.endpoints.length).toBeGreaterThan(0);
  return workload.endpoints;
}

function wakeTests(test: Test): void {
  test("is asleep before anything is asked of it", async (watched) => {
    expect(await watched.look()).toEqual({ phase: "none" });
  });

  test("wakes: starting, then ready, and never none in between", async (watched) => {
    const fence = await watched.told("wake");
    await watched.sees("ready", fence);
    const phases = watched.since(fence).map(({ phase }) => phase);
    expect(phases).not.toContain("none");
    expect(phases).toContain("starting");
    expect(phases.indexOf("starting")).toBeLessThan(phases.indexOf("ready"));
    expect(await watched.look()).toEqual(watched.since(fence).at(-1));
  });

  test("wakes once, however often it is told", async (watched) => {
    const [first, second] = await Promise.all([watched.told("wake"), watched.told("wake")]);
    const fence = Math.max(first, second);
    await watched.sees("ready", fence);
    const endpoints = endpointsOf(watched.since(fence).at(-1));

    const third = await watched.told("wake");
    await watched.sees("ready", third);
    expect(endpointsOf(watched.since(third).at(-1))).toEqual(endpoints);
    expect(watched.since(fence).map(({ phase }) => phase)).not.toContain("none");
  });

  test("says that a wake cannot succeed", async (watched) => {
    const result = await watched.target.wake(new AbortController().signal);
    if (result.outcome === "refused") {
      expect(result.failure.message).not.toBe("");
    } else {
      const fence = fenceOf(result);
      const failed = () => watched.news.find((each) => "failure" in each && each.asOf >= fence);
      await watched.world.until(() => failed() !== undefined);
      expect(failed()).toMatchObject({ failure: { message: expect.stringMatching(/./) } });
      expect(watched.since(fence).map(({ phase }) => phase)).not.toContain("ready");
    }
    await watched.sees("none", await watched.told("sleep"));
  }, "broken");
}

function sleepTests(test: Test): void {
  test("goes to sleep, and says when it has", async (watched) => {
    await watched.up();
    const fence = await watched.told("sleep");
    await watched.sees("none", fence);
    // At the very zero that we asked for it may look ready for a moment more: only what is newer counts.
    expect(watched.since(fence + 1).map(({ phase }) => phase)).not.toContain("ready");
    expect(await watched.look()).toEqual({ phase: "none" });
  });

  test("says none again when it is put to sleep asleep", async (watched) => {
    await watched.sees("none", await watched.told("sleep"));
    await watched.sees("none", await watched.told("sleep"));
  });

  test("goes to sleep while it starts, without getting ready", async (watched) => {
    await watched.told("wake");
    const fence = await watched.told("sleep");
    await watched.sees("none", fence);
    expect(watched.since(fence).map(({ phase }) => phase)).not.toContain("ready");
    expect(watched.news.filter((each) => "failure" in each)).toEqual([]);
  }, "stubborn");

  test("is not ready once it was told to sleep", async (watched) => {
    await watched.up();
    const fence = await watched.told("sleep");
    expect((await watched.look()).phase).not.toBe("ready");
    await watched.sees("none", fence);
  }, "stubborn");

  test("wakes while it goes to sleep: ready again, with no none after it", async (watched) => {
    await watched.up();
    await watched.told("sleep");
    const fence = await watched.told("wake");
    await watched.sees("ready", fence);
    expect(watched.since(fence).map(({ phase }) => phase)).not.toContain("none");
    expect((await watched.look()).phase).toBe("ready");
  }, "stubborn");

  test("comes to rest at the last of many commands", async (watched) => {
    for (const command of ["wake", "sleep", "wake", "wake", "sleep", "sleep", "wake"] as const) {
      await watched.told(command);
    }
    await watched.sees("ready", await watched.told("wake"));
    for (const command of ["sleep", "wake", "sleep"] as const) await watched.told(command);
    await watched.sees("none", await watched.told("sleep"));
    expect(watched.news.filter((each) => "failure" in each)).toEqual([]);
  });

  test("tells news in order", async (watched) => {
    await watched.up();
    await watched.sees("none", await watched.told("sleep"));
    await watched.up();
    const ages = watched.news.map(({ asOf }) => asOf);
    expect(ages).toEqual(ages.toSorted((a, b) => a - b));
  });
}

function otherTests(test: Test): void {
  test("takes out a suspect at once and brings it back", async (watched) => {
    const [endpoint] = await watched.up();
    const before = watched.news.length;
    watched.target.suspect(endpoint!);
    const [first] = watched.news.slice(before);
    expect(first).toMatchObject({ workload: { phase: "starting" } });
    await watched.world.until(() => watched.since(first!.asOf).at(-1)?.phase === "ready");
    expect(await watched.look()).toEqual({ phase: "ready", endpoints: [endpoint] });
  });

  test("does not care for a suspect that it does not know", async (watched) => {
    await watched.up();
    const before = watched.news.length;
    watched.target.suspect("http://192.0.2.1:1");
    expect(watched.news.length).toBe(before);
    expect((await watched.look()).phase).toBe("ready");
  });

  test("can be measured up and asleep", async (watched) => {
    const { signal } = new AbortController();
    const measure = async () => {
      for (const beforeSleep of [false, true]) {
        const { busy } = await watched.target.measure(signal, beforeSleep);
        expect(busy).toBeGreaterThanOrEqual(0);
      }
    };
    await measure();
    await watched.up();
    await measure();
  });

  test("says until when it is pinned, and that it is no longer", async (watched) => {
    await watched.up();
    // Whole milliseconds: it may be written down as text.
    const untilMs = Date.UTC(2100, 0, 1);
    expect(await watched.target.pin(untilMs)).toBe(undefined);
    expect(watched.pins).toEqual([untilMs]);
    expect(await watched.target.pin(undefined)).toBe(undefined);
    expect(watched.pins).toEqual([untilMs, undefined]);
  });

  test("is silent once it is closed, and can be closed twice", async (watched) => {
    await watched.told("wake");
    const closed = watched.target.close();
    const before = watched.news.length;
    await Promise.all([closed, watched.target.close()]);
    expect(watched.news.length).toBe(before);
  }, "stubborn");
}
