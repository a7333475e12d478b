/** The gateway's metrics: what is counted as it happens, and what is asked for at each scrape. */
import type { Activation } from "../activator/activation.ts";
import type { Activator } from "../activator/activator.ts";
import { STATE_NAMES } from "../activator/lifecycle.ts";
import type { In, State } from "../activator/state.ts";
import { durations, outcomeOf } from "../activator/wake_phases.ts";
import type { ApiObserver } from "../targets/kubernetes/api.ts";
import type { Clock } from "../platform/clock.ts";
import type { ProcessUsage } from "../platform/process_usage.ts";
import { Counter, exposition, Gauge, Histogram } from "../telemetry/metrics.ts";
import type { RequestRecord } from "../telemetry/request_record.ts";

export interface GatewayMetricsOptions {
  readonly activator: () => Activator;
  readonly clock: Clock;
  readonly version: string;
  readonly usage: ProcessUsage;
  readonly heldBytes: () => number;
}

const REQUEST_SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600];
const COLD_START_SECONDS = [1, 2.5, 5, 10, 20, 30, 45, 60, 90, 120, 180, 300, 600, 1_200];

const named = (name: string, help: string, ...labels: string[]) => ({
  ...{ name: `vllm_autoscaler_${name}`, help, labels },
});

export class GatewayMetrics {
  readonly #requests = new Counter(
    named("requests_total", "Requests answered, by HTTP status.", "model", "code"),
  );
  readonly #durations = new Histogram(
    named("request_duration_seconds", "From arrival to the last byte of the answer.", "model"),
    REQUEST_SECONDS,
  );
  readonly #firstBytes = new Histogram(
    named("time_to_first_byte_seconds", "From arrival to the answer's head.", "model", "cold"),
    REQUEST_SECONDS,
  );
  readonly #rejected = new Counter(
    named("rejected_requests_total", "Requests that the gateway refused.", "model", "reason"),
  );
  readonly #coldStarts = new Counter(
    named(
      "cold_starts_total",
      "Wakes that have ended: ready, failed, abandoned.",
      "model",
      "outcome",
    ),
  );
  readonly #coldStartSeconds = new Histogram(
    named("cold_start_duration_seconds", "From the wake's first demand to ready.", "model"),
    COLD_START_SECONDS,
  );
  readonly #phaseSeconds = new Histogram(
    named("cold_start_phase_seconds", "How long each phase of a wake took.", "model", "phase"),
    COLD_START_SECONDS,
  );
  readonly #sleeps = new Counter(
    named(
      "sleeps_total",
      "How often it was put to zero: idle, disabled, operator, elsewhere.",
      "model",
      "reason",
    ),
  );
  readonly #reloads = new Counter(
    named(
      "config_reloads_total",
      "Config files taken over (success) or refused (failure).",
      "outcome",
    ),
  );
  readonly #apiRequests = new Counter(
    named("kubernetes_requests_total", "Answers of the API server; 0: none.", "verb", "code"),
  );
  readonly #restarts = new Counter(
    named("watch_restarts_total", "Watches that broke and began anew.", "kind"),
  );
  /** By model: engines that could not be asked how busy they are. */
  readonly #scrapeFailures = new Map<string, number>();
  /** By kind of object: when a watch last brought something. */
  readonly #heardMs = new Map<string, number>();
  #reloadedMs: number;
  readonly #gauges: readonly Gauge[];

  constructor(readonly options: GatewayMetricsOptions) {
    this.#reloadedMs = options.clock.wallMs();
    for (const outcome of ["success", "failure"]) this.#reloads.add(0, outcome);
    this.#gauges = [...this.#modelGauges(), ...this.#processGauges()];
  }

  answered(request: RequestRecord): void {
    const { model, status, code, coldStartMs, headersMs, durationMs } = request;
    this.#requests.add(1, model, String(status));
    this.#durations.observe(durationMs / 1_000, model);
    this.#firstBytes.observe(headersMs / 1_000, model, String(coldStartMs !== undefined));
    if (code !== undefined) this.#rejected.add(1, model, code);
  }

  changed(model: string, state: State, was: State): void {
    if (was.name === "waking") {
      const outcome = outcomeOf(state);
      this.#coldStarts.add(1, model, outcome);
      if (outcome !== "ready") return;
      this.#coldStartSeconds.observe((state.sinceMs - was.sinceMs) / 1_000, model);
      for (const [phase, ms] of durations(was.phases, state.sinceMs)) {
        this.#phaseSeconds.observe(ms / 1_000, model, phase);
      }
    } else if (was.name === "stopping" && state.name === "asleep") {
      this.#sleeps.add(1, model, sleepReason(was));
    }
  }

  scrapeFailed(model: string): void {
    this.#scrapeFailures.set(model, (this.#scrapeFailures.get(model) ?? 0) + 1);
  }

  /** Of the talk with the API server. */
  readonly kubernetes: ApiObserver = {
    answered: (verb, status) => this.#apiRequests.add(1, verb, String(status)),
    heard: (path) => void this.#heardMs.set(kindOf(path), this.options.clock.wallMs()),
    restarted: (path) => this.#restarts.add(1, kindOf(path)),
  };

  reloaded(outcome: "success" | "failure"): void {
    this.#reloads.add(1, outcome);
    if (outcome === "success") this.#reloadedMs = this.options.clock.wallMs();
  }

  /** The page that Prometheus reads. */
  text(): string {
    return exposition([
      ...[this.#requests, this.#durations, this.#firstBytes, this.#rejected, this.#coldStarts],
      ...[this.#coldStartSeconds, this.#phaseSeconds, this.#sleeps, this.#reloads],
      ...[this.#apiRequests, this.#restarts],
      ...this.#gauges,
    ]);
  }

  #modelGauges(): Gauge[] {
    const { activator, clock } = this.options;
    const each = (
      name: string,
      help: string,
      valueOf: (activation: Activation) => number,
      type?: "counter",
    ) =>
      new Gauge(named(name, help, "model"), (set) => {
        for (const activation of activator().activations) {
          set(valueOf(activation), activation.model);
        }
      }, type);
    return [
      each("pending_requests", "Requests that wait for the model.", ({ demand }) => demand.pending),
      each("in_flight_requests", "Requests being answered.", ({ demand }) => demand.inFlight),
      each(
        "idle_seconds",
        "Since the model was used last, while it is up.",
        ({ details }) =>
          details.name === "idle" ? Math.max(0, clock.nowMs() - details.quietSinceMs) / 1_000 : 0,
      ),
      each(
        "metrics_scrape_failures_total",
        "Engines that could not be asked how busy they are: as good as busy.",
        ({ model }) => this.#scrapeFailures.get(model) ?? 0,
        "counter",
      ),
      new Gauge(
        named("gpu_seconds_total", "GPUs times seconds, held and freed.", "model", "state"),
        (set) => {
          for (const { model, target: { details: { gpuTotal } } } of activator().activations) {
            if (!gpuTotal) continue;
            set(gpuTotal.up, model, "up");
            set(gpuTotal.freed, model, "freed");
          }
        },
        "counter",
      ),
      new Gauge(
        named("model_state", "1 for the state the model is in.", "model", "state"),
        (set) => {
          for (const { model, state } of activator().activations) {
            for (const each of STATE_NAMES) set(each === state ? 1 : 0, model, each);
          }
        },
      ),
    ];
  }

  #processGauges(): Gauge[] {
    const { version, usage, heldBytes } = this.options;
    const plain = (name: string, help: string, value: () => number, type?: "counter") =>
      new Gauge({ name, help }, (set) => set(value()), type);
    return [
      plain(
        "vllm_autoscaler_config_last_reload_success_timestamp_seconds",
        "When the config in force was taken over.",
        () => this.#reloadedMs / 1_000,
      ),
      new Gauge(
        named(
          "watch_last_event_timestamp_seconds",
          "When a watch last brought something, a bookmark included.",
          "kind",
        ),
        (set) => {
          for (const [kind, ms] of this.#heardMs) set(ms / 1_000, kind);
        },
      ),
      plain("vllm_autoscaler_held_body_bytes", "Bytes of request bodies held now.", heldBytes),
      new Gauge(named("build_info", "Its version.", "version"), (set) => set(1, version)),
      plain("process_resident_memory_bytes", "Resident memory.", () => usage.residentBytes),
      plain("process_cpu_seconds_total", "Processor time.", () => usage.cpuSeconds, "counter"),
      plain("process_start_time_seconds", "Since the Unix epoch.", () => usage.startedSeconds),
    ];
  }
}

function sleepReason({ yields, disabled, mode }: In<"stopping">): string {
  if (yields) return "elsewhere";
  if (disabled) return "disabled";
  return mode === "idle" ? "idle" : "operator";
}

/** `deployments` of `/apis/apps/v1/namespaces/ai/deployments`. */
function kindOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
