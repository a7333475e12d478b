/** The operator API as an OpenAPI 3.1 document. */
import * as z from "zod";
import { STATE_NAMES } from "../activator/lifecycle.ts";

const nullable = <T extends z.ZodType>(type: T) => z.union([type, z.null()]);
const seconds = z.number().describe("seconds");
const moment = z.iso.datetime();
const phases = z.record(z.string(), seconds).describe(
  "by phase (scheduling, pulling, starting, loading)",
);

const gpuSeconds = z.strictObject({ upSeconds: seconds, freedSeconds: seconds });

export const MODEL = z.strictObject({
  name: z.string(),
  state: z.enum(STATE_NAMES),
  since: moment,
  reason: z.string().describe("why it is in that state"),
  pending: z.int().describe("requests that wait for it"),
  inFlight: z.int().describe("requests being answered"),
  target: z.string().describe("what is scaled, e.g. `deployment ai/vllm`"),
  sleepsInSeconds: nullable(seconds).describe("null: it is not about to sleep, or never does"),
  idleTimeoutSeconds: nullable(seconds),
  pinnedUntil: nullable(moment).describe("nobody finds it idle before; null: it is not pinned"),
  replicas: nullable(z.strictObject({ desired: z.int(), ready: z.int() })),
  pods: z.array(z.strictObject({
    ...{ name: z.string(), node: nullable(z.string()), ready: z.boolean(), status: z.string() },
  })),
  gpu: nullable(z.strictObject({
    count: z.int().describe("GPUs that it holds when it is up"),
    today: gpuSeconds.describe("since midnight UTC"),
    week: gpuSeconds.describe("today and the six days before"),
  })),
  progress: nullable(z.string()).describe("what a wake under way is doing"),
  phases,
  failure: nullable(z.strictObject({
    ...{ kind: z.string(), message: z.string(), retryInSeconds: seconds },
  })),
});

export const WAKE = z.strictObject({
  ...{ model: z.string(), began: moment, seconds },
  ended: z.string().describe("the state that it ended in"),
  reason: z.string(),
  phases,
});

export const CHANGE = z.strictObject({
  ...{ model: z.string(), at: moment, state: z.string(), was: z.string(), reason: z.string() },
});

export const HISTORY = z.strictObject({
  now: moment.describe("by the gateway's clock"),
  since: moment.describe("from when on it is known: this gateway's start, at most a day ago"),
  models: z.array(z.strictObject({
    name: z.string(),
    changes: z.array(CHANGE.omit({ model: true, was: true })).describe(
      "the earliest first; from `active` to `idle` and back is none",
    ),
    lastWake: nullable(WAKE),
  })),
});

const ERROR = z.strictObject({ error: z.strictObject({ message: z.string() }) });

/** By path and method: what a good answer is. */
const ANSWERS = {
  "/api/models": { get: ["Every model.", z.strictObject({ models: z.array(MODEL) })] },
  "/api/models/{name}": { get: ["One model.", MODEL] },
  "/api/models/{name}/wake": { post: ["Wakes it as a request would, and does not wait.", MODEL] },
  "/api/models/{name}/sleep": {
    post: [
      "Puts it to sleep now; 409 while it is in use. With `force=true` what is in flight ends first.",
      MODEL,
    ],
  },
  "/api/models/{name}/pin": {
    post: ["Keeps it up `for` so long (`2h`), for all gateways, and wakes it.", MODEL],
  },
  "/api/models/{name}/unpin": { post: ["Lets it sleep again when it is idle.", MODEL] },
  "/api/wakes": {
    get: ["The last wakes, the latest first.", z.strictObject({ wakes: z.array(WAKE) })],
  },
  "/api/history": {
    get: ["The states of every model since this gateway's start, and its last wake.", HISTORY],
  },
  "/api/config": { get: ["The config in force, without keys.", z.looseObject({})] },
  "/api/events": {
    get: [
      "Event `models` (every model), then `change` at each change of state, `wake` when a wake has ended, and `model`, at " +
      "most once a second, where a model differs from what was sent of it.",
      z.union([CHANGE, WAKE, MODEL, z.array(MODEL)]),
    ],
  },
} as const;

/** The document; `version` is the program's. */
export function openApi(version: string): unknown {
  const paths = Object.entries(ANSWERS).map(([path, methods]) => [
    path,
    Object.fromEntries(
      Object.entries(methods).map(([method, [summary, answer]]) => [
        method,
        operation(path, method, summary, answer),
      ]),
    ),
  ]);
  return {
    openapi: "3.1.0",
    info: {
      title: "vllm-autoscaler: operator API",
      version,
      description: "At `server.operator`. Elsewhere than on loopback it wants a key for operators.",
    },
    security: [{}, { bearer: [] }, { basic: [] }],
    paths: Object.fromEntries(paths),
    components: {
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer" },
        basic: { type: "http", scheme: "basic" },
      },
    },
  };
}

function operation(path: string, method: string, summary: string, answer: z.ZodType): unknown {
  const type = path === "/api/events" ? "text/event-stream" : "application/json";
  const isChange = method === "post";
  return {
    summary,
    ...(path.includes("{name}") ? { parameters: [NAME, ...QUERIES[path] ?? []] } : {}),
    ...(isChange
      ? { requestBody: { content: { "application/json": { schema: { type: "object" } } } } }
      : {}),
    responses: {
      [isChange ? "202" : "200"]: {
        description: summary,
        content: { [type]: { schema: schemaOf(answer) } },
      },
      default: {
        description: "What is wrong, in words.",
        content: { "application/json": { schema: schemaOf(ERROR) } },
      },
    },
  };
}

/** By path. */
const QUERIES: Readonly<Record<string, readonly unknown[]>> = {
  "/api/models/{name}/sleep": [{ name: "force", in: "query", schema: { type: "boolean" } }],
  "/api/models/{name}/pin": [
    { name: "for", in: "query", schema: { type: "string", default: "2h" } },
  ],
};

const NAME = { name: "name", in: "path", required: true, schema: { type: "string" } };

function schemaOf(type: z.ZodType): unknown {
  const { $schema: _, ...schema } = z.toJSONSchema(type);
  return schema;
}
