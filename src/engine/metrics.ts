/**
 * The numbers of `GET /metrics` that tell whether an engine is busy, under vLLM's names and labels
 * and with Python's way of writing numbers. The histograms are left out.
 */
export type Finish = "stop" | "length" | "abort" | "error" | "repetition";

const FINISHES: readonly Finish[] = ["stop", "length", "abort", "error", "repetition"];

export type SleepState = "awake" | "weights_offloaded" | "discard_all";

export interface Metrics {
  running: number;
  waiting: number;
  sleepState: SleepState;
  promptTokens: number;
  generationTokens: number;
  queueRejections: number;
  readonly finished: Record<Finish, number>;
}

export function createMetrics(): Metrics {
  return {
    running: 0,
    waiting: 0,
    sleepState: "awake",
    promptTokens: 0,
    generationTokens: 0,
    queueRejections: 0,
    finished: { stop: 0, length: 0, abort: 0, error: 0, repetition: 0 },
  };
}

type Sample = readonly [labels: Record<string, string>, value: number];

interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: "gauge" | "counter";
  readonly samples: readonly Sample[];
}

/** The exposition; `createdS` is when the counters were made, in seconds since the epoch. */
export function exposeMetrics(metrics: Metrics, model: string, createdS: number): string {
  return families(metrics, { engine: "0", model_name: model })
    .flatMap((family) => family.type === "gauge" ? [family] : [family, created(family, createdS)])
    .flatMap(({ name, help, type, samples }) => [
      `# HELP vllm:${name} ${help}`,
      `# TYPE vllm:${name} ${type}`,
      ...samples.map(([labels, value]) => `vllm:${name}{${render(labels)}} ${float(value)}`),
    ])
    .join("\n") + "\n";
}

/** Python's client writes beside each counter when it began. */
function created({ name, help, samples }: Family, createdS: number): Family {
  return {
    name: name.replace(/_total$/, "_created"),
    help,
    type: "gauge",
    samples: samples.map(([labels]) => [labels, createdS]),
  };
}

function families(metrics: Metrics, labels: Record<string, string>): Family[] {
  const one = (value: number): Sample[] => [[labels, value]];
  const by = (label: string, values: Record<string, number>): Sample[] =>
    Object.entries(values).map(([key, value]) => [{ ...labels, [label]: key }, value]);
  const awake = metrics.sleepState;
  return [
    {
      name: "num_requests_running",
      help: "Number of requests in model execution batches.",
      type: "gauge",
      samples: one(metrics.running),
    },
    {
      name: "num_requests_waiting",
      help: "Number of requests waiting to be processed.",
      type: "gauge",
      samples: one(metrics.waiting),
    },
    {
      name: "num_requests_waiting_by_reason",
      help: "Number of waiting requests by reason.",
      type: "gauge",
      samples: by("reason", { capacity: metrics.waiting, deferred: 0 }),
    },
    {
      name: "engine_sleep_state",
      help: "Engine sleep state: 1 at the state that it is in.",
      type: "gauge",
      samples: by("sleep_state", {
        awake: Number(awake === "awake"),
        weights_offloaded: Number(awake === "weights_offloaded"),
        discard_all: Number(awake === "discard_all"),
      }),
    },
    {
      name: "prompt_tokens_total",
      help: "Number of prefill tokens processed.",
      type: "counter",
      samples: one(metrics.promptTokens),
    },
    {
      name: "generation_tokens_total",
      help: "Number of generation tokens processed.",
      type: "counter",
      samples: one(metrics.generationTokens),
    },
    {
      name: "request_success_total",
      help: "Count of successfully processed requests.",
      type: "counter",
      samples: FINISHES.map((
        finish,
      ) => [{ ...labels, finished_reason: finish }, metrics.finished[finish]]),
    },
    {
      name: "admission_rejections_total",
      help: "Number of admission attempts rejected by a queue limit, by reason.",
      type: "counter",
      samples: [[
        { model_name: labels.model_name!, reason: "max_num_queued_reqs" },
        metrics.queueRejections,
      ]],
    },
  ];
}

function render(labels: Record<string, string>): string {
  return Object.entries(labels)
    .toSorted(([a], [b]) => a < b ? -1 : 1)
    .map(([name, value]) => `${name}="${value.replace(/[\\"]/g, "\\$&").replace(/\n/g, "\\n")}"`)
    .join(",");
}

/** `79.0`, and from a million on `1.795474e+09`. */
export function float(value: number): string {
  const plain = Number.isInteger(value) ? `${value}.0` : String(value);
  const point = plain.indexOf(".");
  if (point <= 6) return plain;
  const mantissa = `${plain[0]}.${plain.slice(1, point)}${plain.slice(point + 1)}`;
  return `${mantissa.replace(/[0.]+$/, "")}e+${String(point - 1).padStart(2, "0")}`;
}
