/** A process target in virtual time, with processes and an engine that do as they are told. */
import { expect } from "expect";
import type { Failure, Observation, TargetObserver } from "../../../activator/scale_target.ts";
import type { ModelSpec } from "../../../config/spec.ts";
import type { Reached } from "../../../platform/tcp.ts";
import { silentLog } from "../../../telemetry/log.ts";
import { FakeProcesses } from "../../../testing/fake_processes.ts";
import { VirtualClock } from "../../../testing/virtual_clock.ts";
import { createProcessTarget } from "../process_target.ts";
import { modelSpec } from "./engine_world.ts";

const never = new AbortController().signal;

/** `news` is what its observer was told, e.g. `ready 1`: the phase and what it is as of. */
export function virtualWorld(model: Partial<ModelSpec> = {}, after?: Promise<void>) {
  const clock = new VirtualClock();
  const processes = new FakeProcesses();
  const engine = { up: false, port: 20_000, stranger: "refused" as Reached };
  const news: string[] = [];
  const target = createProcessTarget(modelSpec({ command: ["vllm"] }, model), {
    clock,
    processes,
    fetch: () => engine.up ? Promise.resolve(new Response()) : Promise.reject(new Error("refused")),
    tcp: {
      connect: () => Promise.resolve(engine.stranger),
      freePort: () => engine.port++,
    },
    log: silentLog,
    ...(after ? { after } : {}),
  });
  const observer: TargetObserver = {
    progressed: () => {},
    lapsed() {},
    unfenced() {},
    pinned() {},
    saw: ({ workload, asOf }: Observation) => news.push(`${workload.phase} ${asOf}`),
    failed: ({ kind, message }: Failure, asOf) => news.push(`${kind} ${asOf}: ${message}`),
  };
  target.subscribe(observer);
  return {
    clock,
    processes,
    engine,
    news,
    target,
    async up() {
      await target.wake(never);
      engine.up = true;
      await clock.advance(50);
      expect(news.at(-1)).toMatch(/^ready/);
    },
  };
}
