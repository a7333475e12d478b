/** The schema of one model and of `defaults`: what is scaled, where requests go, and the settings. */
import * as z from "zod";
import {
  ENGINE_DEFAULTS,
  METRICS_DEFAULTS,
  MODEL_DEFAULTS,
  PROCESS_DEFAULTS,
  withDefaults,
} from "./defaults.ts";
import { ENGINE_NAMES } from "./engines.ts";
import {
  apiVersion,
  count,
  duration,
  envName,
  line,
  modelName,
  namespace,
  objectName,
  optionalLine,
  path,
  plainName,
  serviceName,
  text,
  upstreamUrl,
} from "./fields.ts";

const metricNames = () =>
  z.array(
    z.string().regex(/^[a-zA-Z_:][a-zA-Z0-9_:]*$/, "must be a Prometheus metric's name"),
  ).min(1);

const metrics = z.strictObject(withDefaults({
  path: path().describe("Where the engine's Prometheus metrics are."),
  busy: metricNames().describe("Gauges whose sum is the number of requests running and waiting."),
  served: metricNames().optional().describe("Counters that move when a request is served."),
}, METRICS_DEFAULTS));

const engine = z.union([
  z.enum(ENGINE_NAMES),
  z.strictObject({
    name: line().optional().describe(
      `A name of your own, or one of ${ENGINE_NAMES.join(", ")}: then the other keys change that ` +
        `engine. Default: ${ENGINE_DEFAULTS.name}.`,
    ),
    healthPath: path().optional().describe(
      `Answers 2xx when the engine can serve. Default: ${ENGINE_DEFAULTS.healthPath}.`,
    ),
    metrics: z.union([z.literal(false), metrics], { error: "must be a mapping, or false" })
      .optional()
      .describe("How busy the engine is; false: only the gateway's own count decides."),
  }),
], { error: `must be ${ENGINE_NAMES.join(", ")}, or a mapping` });

/** What a model may set for itself and `defaults` for all. */
const settings = {
  idleTimeout: duration({ never: true, positive: true })
    .describe("Quiet for so long: to zero. `never` keeps it up, but does not wake it."),
  coldStartTimeout: duration({ positive: true })
    .describe("How long a wake may take, from its first demand; late waiters share it."),
  unschedulableGrace: duration()
    .describe("How long no node may take a pod before the wake fails; nodes may be on their way."),
  retryAfterMax: duration({ positive: true })
    .describe("The longest pause between failed wakes; it starts at 10s and doubles."),
  pendingMax: count(1, 1_000_000)
    .describe("Requests that may wait for the model; more are answered 503 overloaded."),
  inFlightMax: count(0, 1_000_000)
    .describe("Requests at the upstream at once; more wait. 0: no limit."),
  pendingTimeout: duration()
    .describe("How long a request waits for a free slot at a model that is up."),
  responseTimeout: duration({ positive: true })
    .describe("How long the upstream, once it is up, may take to its response headers."),
  earlyHeadersAfter: duration({ never: true })
    .describe("A streaming request that waited so long gets its 200 and keep-alive comments."),
  keepAliveInterval: duration({ positive: true })
    .describe("Between two keep-alive comments."),
  keepAliveJson: z.boolean()
    .describe("Send whitespace before an answer that is no stream while it waits."),
  connectTimeout: duration({ positive: true })
    .describe("How long a connection or a health probe may take."),
  upstreamCaFile: optionalLine()
    .describe("PEM file of certificates trusted beside the system's for an https:// upstream."),
  upstreamKeyFile: optionalLine()
    .describe("File with the key that is sent upstream instead of the client's."),
  upstreamKeyEnv: envName()
    .describe("The same from an environment variable."),
  enabled: z.boolean()
    .describe("false: requests get 503, the model is never woken, and is put to sleep."),
  engine: engine.describe(
    `The inference server: ${ENGINE_NAMES.join(", ")}, or a mapping that describes another.`,
  ),
  replicas: count(1, 10_000).optional()
    .describe("Replicas to wake to. Default: as many as before it slept, else 1."),
};

export const defaultsSchema = z.strictObject(withDefaults(settings, MODEL_DEFAULTS));

const workload = z.strictObject({
  apiVersion: apiVersion().describe("Its group and version."),
  kind: z.string().regex(/^[A-Z][A-Za-z0-9]*$/, "must be a kind, e.g. LeaderWorkerSet")
    .describe("Its kind."),
  namespace: namespace().optional().describe("Its namespace. Default: kubernetes.namespace."),
  name: plainName().describe("Its name."),
});

const process = z.strictObject(withDefaults({
  command: z.array(text()).min(1)
    .describe("The program and its arguments; no shell. `${PORT}` is a free port."),
  env: z.record(
    z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "must be an environment variable's name"),
    z.string(),
  ).optional().describe(
    "Environment variables beside the gateway's own. `${PORT}` works here too.",
  ),
  cwd: line().describe("Its working directory, relative to this file."),
  stopGrace: duration().describe("From the request to stop to its being killed."),
}, PROCESS_DEFAULTS));

/** What is scaled: a model has exactly one of these keys. */
export const SCALE_KEYS = ["deployment", "statefulSet", "workload", "process", "external"] as const;

export const modelSchema = z.strictObject({
  aliases: z.array(modelName()).optional()
    .describe("More names for it; forwarded as the model's own name."),
  adapters: z.array(modelName()).optional()
    .describe("Names of LoRA adapters it serves; forwarded as they are."),
  upstreamModel: line().optional()
    .describe("The name the upstream wants, if it is not the model's."),
  deployment: objectName().optional().describe("Scale this Deployment, [namespace/]name."),
  statefulSet: objectName().optional().describe("Scale this StatefulSet, [namespace/]name."),
  workload: workload.optional().describe("Scale this object of any kind with a scale subresource."),
  process: process.optional().describe("Start and stop a program on this machine."),
  external: z.literal(true, { error: "must be true, or left out" }).optional()
    .describe("Scale nothing, only route to `upstream`."),
  service: serviceName().optional().describe(
    "Whose ready endpoints get the requests, [namespace/]name[:port]. Default: the workload's " +
      "name and the first port.",
  ),
  upstream: upstreamUrl().optional().describe(
    "One fixed base URL instead of a Service's endpoints. A process: http://127.0.0.1:${PORT}.",
  ),
  ...z.strictObject(settings).partial().shape,
}).meta({ oneOf: SCALE_KEYS.map((key) => ({ required: [key] })) });

export type SettingsFile = z.output<typeof defaultsSchema>;
export type ModelFile = z.output<typeof modelSchema>;
export type EngineFile = z.output<typeof engine>;
