/**
 * The status page with models in every state at once, and with as many as wanted: made up, served beside the page's own
 * files. For its looks and its speed only; what it does is tested with a real gateway.
 */
import { statusPage } from "../../src/operator/page.ts";
import { SeededRandom } from "../../src/testing/seeded_random.ts";

const HOUR_S = 3_600;
const NOW_S = Math.floor(Date.now() / 1_000);

interface Wake {
  readonly agoS: number;
  readonly seconds: number;
  readonly failed?: boolean;
  readonly upS?: number;
}

interface Sketch {
  readonly name: string;
  readonly target: string;
  readonly state: string;
  readonly reason: string;
  readonly sinceS: number;
  readonly wakes: readonly Wake[];
  readonly gpus: number;
  readonly more?: Readonly<Record<string, unknown>>;
}

const at = (agoS: number) => new Date((NOW_S - agoS) * 1_000).toISOString();

function phasesOf(seconds: number): Record<string, number> {
  const parts = { scheduling: 0.04, pulling: 0.18, starting: 0.13, loading: 0.65 };
  return Object.fromEntries(
    Object.entries(parts).map((
      [phase, part],
    ) => [phase, Math.round(seconds * part * 1_000) / 1_000]),
  );
}

function historyOf({ name, state, reason, sinceS, wakes }: Sketch) {
  const changes = wakes.flatMap(({ agoS, seconds, failed, upS = 2_400 }) => [
    { at: at(agoS), state: "waking", reason: "a request came" },
    ...failed
      ? [{
        at: at(agoS - seconds),
        state: "failed",
        reason: "0/14 nodes have a free nvidia.com/gpu",
      }, { at: at(agoS - seconds - 400), state: "asleep", reason: "back at zero" }]
      : [
        { at: at(agoS - seconds), state: "active", reason: "ready" },
        { at: at(agoS - seconds - upS), state: "stopping", reason: "quiet for 900.0 s" },
        { at: at(agoS - seconds - upS - 14), state: "asleep", reason: "at zero" },
      ],
  ]).filter((change) => change.at < at(sinceS));
  const first = { at: at(23.5 * HOUR_S), state: "asleep", reason: "found at zero" };
  const before = [first, ...changes];
  const isUp = (name: string) => name === "active" || name === "idle";
  const isSame = before.at(-1)!.state === state || isUp(before.at(-1)!.state) && isUp(state);
  const last = wakes.at(-1);
  return {
    name,
    changes: isSame ? before : [...before, { at: at(sinceS), state, reason }],
    lastWake: last
      ? {
        ...{ model: name, began: at(last.agoS), seconds: last.seconds },
        ended: last.failed ? "failed" : "active",
        reason: last.failed ? reason : "ready",
        phases: phasesOf(last.seconds),
      }
      : null,
  };
}

function viewOf({ name, target, state, reason, sinceS, gpus, wakes, more }: Sketch) {
  const isUp = state === "active" || state === "idle";
  const upS = wakes.reduce((sum, { upS = 2_400, failed }) => sum + (failed ? 0 : upS), 0);
  const replicas = isUp
    ? { desired: 1, ready: 1 }
    : { desired: state === "waking" ? 1 : 0, ready: 0 };
  return {
    ...{ name, target, state, reason, since: at(sinceS), pending: 0, inFlight: 0 },
    ...{
      sleepsInSeconds: null,
      idleTimeoutSeconds: 900,
      progress: null,
      phases: {},
      failure: null,
    },
    ...{ pinnedUntil: null, replicas, pods: [] },
    gpu: {
      count: gpus,
      today: { upSeconds: upS * gpus, freedSeconds: (23.5 * HOUR_S - upS) * gpus },
      week: { upSeconds: 5 * upS * gpus, freedSeconds: (150 * HOUR_S - 5 * upS) * gpus },
    },
    ...more,
  };
}

const pod = (name: string, node: string, ready: boolean, status: string) => ({
  name,
  node,
  ready,
  status,
});

/** A day of a small cluster. */
export const DAY: readonly Sketch[] = [
  {
    ...{ name: "deepseek-r1-70b", target: "deployment ai/vllm-deepseek-r1-70b", gpus: 4 },
    ...{ state: "waking", reason: "a request came", sinceS: 96 },
    wakes: [9, 7, 2.5].map((h) => ({ agoS: h * HOUR_S, seconds: 210 + 9 * h, upS: 3_900 })),
    more: {
      pending: 3,
      progress:
        "loading for 41 s: pod vllm-deepseek-r1-70b-6c9f-x2k on gpu-b3: Loading safetensors 61 %",
      phases: { scheduling: 1.1, pulling: 38.4, starting: 15.2, loading: 41.3 },
      pods: [pod("vllm-deepseek-r1-70b-6c9f-x2k", "gpu-b3", false, "Running")],
    },
  },
  {
    ...{ name: "qwen3-8b", target: "deployment ai/vllm-qwen3-8b", gpus: 1 },
    ...{ state: "active", reason: "a request came", sinceS: 1_870 },
    wakes: [22, 17.5, 14, 11, 6, 0.6].map((h) => ({
      agoS: h * HOUR_S,
      seconds: 47 + h,
      upS: 5_400,
    })),
    more: { inFlight: 7, pods: [pod("vllm-qwen3-8b-7d4f9-kq8zn", "gpu-a1", true, "Running")] },
  },
  {
    ...{ name: "qwen3-coder-30b", target: "deployment ai/vllm-qwen3-coder-30b", gpus: 2 },
    ...{ state: "idle", reason: "last answer ended", sinceS: 260 },
    wakes: [15, 10, 5, 1.1].map((h) => ({ agoS: h * HOUR_S, seconds: 92 - h, upS: 7_000 })),
    more: {
      sleepsInSeconds: 640,
      pods: [pod("vllm-qwen3-coder-30b-5f6b-9mtrw", "gpu-a2", true, "Running")],
    },
  },
  {
    ...{ name: "llama-3.3-70b", target: "deployment ai/vllm-llama-3-3-70b", gpus: 4 },
    ...{ state: "failed", reason: "no node", sinceS: 95 },
    wakes: [
      { agoS: 12 * HOUR_S, seconds: 188, upS: 9_000 },
      { agoS: 5 * HOUR_S, seconds: 203, upS: 4_000 },
      { agoS: 700, seconds: 120, failed: true },
      { agoS: 215, seconds: 120, failed: true },
    ],
    more: {
      failure: {
        kind: "unschedulable",
        message:
          "pod vllm-llama-3-3-70b-84c5-p7vxd: 0/6 nodes are available: 4 Insufficient nvidia.com/gpu, " +
          "2 node(s) had untolerated taint {dedicated: batch}",
        retryInSeconds: 25,
      },
    },
  },
  {
    ...{ name: "bge-m3", target: "deployment ai/vllm-bge-m3", gpus: 1 },
    ...{ state: "idle", reason: "last answer ended", sinceS: 3_120 },
    wakes: [{ agoS: 20 * HOUR_S, seconds: 18.4, upS: 72_000 }],
    more: { pinnedUntil: at(-1.750 * HOUR_S) },
  },
  {
    ...{ name: "mistral-small-24b", target: "deployment ai/vllm-mistral-small", gpus: 2 },
    ...{ state: "asleep", reason: "quiet for 900.0 s", sinceS: 6_300 },
    wakes: [19, 8, 3.2].map((h) => ({ agoS: h * HOUR_S, seconds: 71 + 2 * h, upS: 4_100 })),
  },
  {
    ...{ name: "gpt-oss-120b", target: "statefulset ai/gpt-oss-120b", gpus: 2 },
    ...{ state: "stopping", reason: "quiet for 900.0 s", sinceS: 6 },
    wakes: [{ agoS: 2 * HOUR_S, seconds: 164, upS: 7_000 }],
    more: { replicas: { desired: 0, ready: 1 } },
  },
  {
    ...{ name: "whisper-large-v3", target: "deployment speech/whisper", gpus: 1 },
    ...{ state: "asleep", reason: "found at zero", sinceS: 23.5 * HOUR_S },
    wakes: [],
  },
  {
    ...{ name: "phi-4", target: "process phi-4", gpus: 0 },
    ...{ state: "asleep", reason: "quiet for 300.0 s", sinceS: 30_400 },
    wakes: [{ agoS: 9 * HOUR_S, seconds: 8.2, upS: 1_900 }],
    more: { gpu: null, replicas: null },
  },
];

/** So many, the states and days of {@link DAY} again and again, each a little different. */
export function many(count: number): Sketch[] {
  const random = new SeededRandom(1);
  return Array.from({ length: count }, (_, i) => {
    const sketch = DAY[i % DAY.length]!;
    const wakes = sketch.wakes.map((wake) => ({
      ...wake,
      seconds: wake.seconds * (0.8 + random.next() / 2),
    }));
    return { ...sketch, name: `${sketch.name}-${String(i).padStart(3, "0")}`, wakes };
  });
}

export interface Showcase extends AsyncDisposable {
  readonly url: string;
  /** Breaks every connection, and takes no more. */
  cut(): void;
}

/** Serves them on a free port of this machine until disposed. */
export function serveShowcase(sketches: readonly Sketch[]): Showcase {
  const ending = new AbortController();
  const history = { now: at(0), since: at(23.5 * HOUR_S), models: sketches.map(historyOf) };
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, signal: ending.signal, onListen() {} },
    ({ url, headers }) => {
      const { pathname } = new URL(url);
      if (pathname === "/api/history") {
        return Response.json({ ...history, now: new Date().toISOString() });
      }
      if (pathname !== "/api/events") {
        return statusPage(pathname, headers)?.() ?? new Response(null, { status: 404 });
      }
      const text = `event: models\ndata: ${JSON.stringify(sketches.map(viewOf))}\n\n`;
      const body = new ReadableStream({
        start: (to) => to.enqueue(new TextEncoder().encode(text)),
      });
      return new Response(body, { headers: { "content-type": "text/event-stream" } });
    },
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}/`,
    cut: () => ending.abort(),
    async [Symbol.asyncDispose]() {
      ending.abort();
      await server.finished;
    },
  };
}
