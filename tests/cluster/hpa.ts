/** Whoever writes between one and many, as an HPA does, and gateways that write from and to zero: neither undoes the other. */
import { expect } from "expect";
import { APPS, startGateway } from "../../src/testing/cluster_gateway.ts";
import { test, TestNamespace } from "../../src/testing/control_plane.ts";
import { eventually } from "../../src/testing/eventually.ts";
import type { GatewayProcess } from "../../src/testing/gateway_process.ts";
import { ApiError, type KubernetesApi } from "../../src/targets/kubernetes/api.ts";
import { readLines } from "../../src/targets/kubernetes/lines.ts";

/** How often the model is woken and put to sleep: in the suite, and for a measurement with `$HPA_CYCLES`. */
const CYCLES = Number(Deno.env.get("HPA_CYCLES") ?? 8);
const REPLICAS_MAX = 4;
const STREAMS = 6;

/** Changes of `spec.replicas`, as the API server tells of them. */
class History implements AsyncDisposable {
  readonly changes: { readonly replicas: number; readonly version: string }[] = [];
  readonly #ended = new AbortController();
  readonly #reading: Promise<void>;

  constructor({ api, name }: TestNamespace, deployment: string) {
    const path = `${APPS}/namespaces/${name}/deployments?watch=true&fieldSelector=` +
      `metadata.name%3D${deployment}&resourceVersion=0`;
    this.#reading = this.#read(api, path);
  }

  async #read(api: KubernetesApi, path: string): Promise<void> {
    const { signal } = this.#ended;
    try {
      const { body } = await api.stream({ verb: "watch", path, signal });
      for await (const line of readLines(body!, signal)) {
        const { object: { spec: { replicas }, metadata } } = JSON.parse(line);
        if (replicas === this.changes.at(-1)?.replicas) continue;
        this.changes.push({ replicas, version: metadata.resourceVersion });
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort();
    await this.#reading;
  }
}

interface Scale {
  readonly metadata: { readonly resourceVersion: string };
  /** Left out: zero. */
  readonly spec: { replicas?: number };
}

/**
 * Writes through `/scale` as the controller of HPAs does: it reads, rests at zero, and writes with the
 * resourceVersion that it has read. Quicker than that one, and without its reasons.
 */
class ManyWriter {
  /** resourceVersions of its own writes. */
  readonly writes = new Set<string>();
  /** Times that somebody else had written in between. */
  conflicts = 0;
  #isOver = false;
  readonly #running: Promise<void>;

  constructor(readonly namespace: TestNamespace, readonly path: string) {
    this.#running = this.#run();
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      await this.#write();
      await new Promise((resolve) => setTimeout(resolve, 100 + 1_400 * Math.random()));
    }
  }

  async #write(): Promise<void> {
    const { namespace: { api }, path } = this;
    const scale = await api.call<Scale>({ verb: "get", path });
    const { replicas = 0 } = scale.spec;
    if (replicas === 0) return;
    scale.spec.replicas = 1 + (replicas + Math.floor((REPLICAS_MAX - 1) * Math.random())) %
        REPLICAS_MAX;
    try {
      const written = await api.call<Scale>({ verb: "update", method: "PUT", path, body: scale });
      this.writes.add(written.metadata.resourceVersion);
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 409)) throw error;
      this.conflicts++;
    }
  }
}

async function isWhole(gateway: GatewayProcess): Promise<boolean> {
  const response = await gateway.chat("m", { stream: true });
  const text = await response.text();
  return response.status === 200 && text.trimEnd().endsWith("data: [DONE]");
}

test(`over ${CYCLES} sleeps, a writer of one to many and two gateways never undo each other's writes`, async () => {
  await using namespace = await TestNamespace.create();
  await namespace.deployment("m", {
    ...{ "bed/load": "100ms", "bed/tokens": "6", "bed/token-gap": "50ms", "bed/prestop": "300ms" },
  });
  await using history = new History(namespace, "m");
  const settings = { m: "idleTimeout: 700ms" };
  const start = () => startGateway(namespace, settings);
  await using a = await start();
  await using b = await start();
  const writer = new ManyWriter(
    namespace,
    `${APPS}/namespaces/${namespace.name}/deployments/m/scale`,
  );
  const isAsleep = () => history.changes.at(-1)?.replicas === 0;
  await eventually(isAsleep);
  let whole = 0;
  for (let cycle = 0; cycle < CYCLES; cycle++) {
    const streams = Array.from({ length: STREAMS }, (_, at) => isWhole(at % 2 ? a : b));
    whole += (await Promise.all(streams)).filter((each) => each).length;
    await eventually(isAsleep, 60_000);
  }
  await writer.end();
  expect(whole).toBe(CYCLES * STREAMS);

  const { sleeps, woken, many, faults } = told(history, writer);
  console.log(
    `${sleeps} sleeps, woken to ${woken.join(" ")}; ${many} writes in between, ` +
      `${writer.conflicts} that came too late`,
  );
  expect(faults).toEqual([]);
  expect([sleeps, woken.length]).toEqual([CYCLES, CYCLES]);
  expect(many).toBeGreaterThan(CYCLES);
  expect(woken.some((replicas) => replicas > 1)).toBe(true);
});

/** Who wrote what, in order; a fault is a write that was not its writer's to make. */
function told({ changes }: History, { writes }: ManyWriter) {
  const faults: string[] = [];
  const woken: number[] = [];
  let sleeps = 0;
  let many = 0;
  /** Before it slept. */
  let had = 1;
  changes.slice(1).forEach(({ replicas: to, version }, at) => {
    const from = changes[at]!.replicas;
    if (writes.has(version)) {
      many++;
      if (from === 0 || to === 0) faults.push(`the writer: ${from} to ${to}`);
    } else if (to === 0) {
      sleeps++;
      had = from;
    } else {
      woken.push(to);
      if (from !== 0 || to !== had) faults.push(`a gateway: ${from} to ${to}, had ${had}`);
    }
  });
  return { sleeps, woken, many, faults };
}
