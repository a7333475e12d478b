/**
 * The config file: one schema that the program validates with, that `config.schema.json` is made of
 * and that the documentation is written from. What needs more than one key at a time is in `checks.ts`.
 */
import * as z from "zod";
import {
  KEY_DEFAULTS,
  KUBERNETES_DEFAULTS,
  ROUTE_DEFAULTS,
  SERVER_DEFAULTS,
  withDefaults,
} from "./defaults.ts";
import {
  address,
  cidr,
  count,
  duration,
  envName,
  hostName,
  line,
  modelName,
  namespace,
  optionalLine,
  origin,
  routePath,
  sha256,
  size,
} from "./fields.ts";
import { defaultsSchema, modelSchema } from "./model_schema.ts";
import { LOG_LEVELS } from "./spec.ts";

const key = z.strictObject(withDefaults({
  name: line().describe("Names the key in logs; never sent."),
  key: line().optional().describe("The key itself; better from a file or the environment."),
  keyFile: line().optional().describe("File that holds the key, relative to this file."),
  keySha256: sha256().optional().describe("SHA-256 of the key, 64 hexadecimal digits."),
  keyEnv: envName().optional().describe("Environment variable that holds the key."),
  models: z.array(modelName()).optional()
    .describe("The models that the key may use. Default: all."),
  operator: z.boolean().describe(
    "true: the key opens the operator surface too; with `models: []` that alone, and clients need none.",
  ),
  inFlightMax: count(0, 1_000_000)
    .describe("Requests of the key at once; more are answered 429. 0: no limit."),
}, KEY_DEFAULTS)).meta({
  anyOf: ["key", "keyFile", "keySha256", "keyEnv"].map((source) => ({ required: [source] })),
});

const server = z.strictObject(withDefaults({
  listen: address().describe("Where clients connect."),
  operator: z.union([z.literal(false), address()], { error: "must be host:port, or false" })
    .describe("Where the status page, /metrics and /api are; false: nowhere."),
  drainTimeout: duration().describe("After SIGTERM: how long running answers may go on."),
  shutdownDelay: duration()
    .describe("After SIGTERM: still serving, while /readyz is 503 already."),
  bodyMax: size().describe("The largest request body."),
  bodyTimeout: duration({ positive: true })
    .describe("A body of which no byte comes for so long is answered 408."),
  bufferedMax: size().describe("All request bodies together that are held."),
  cors: z.union([z.boolean(), z.array(origin())], {
    error: "must be true, false or a list of origins",
  })
    .describe("Which origins' pages may call: true: all; or a list; false: none."),
  trustedProxies: z.array(cidr()).describe("Ranges of proxies whose X-Forwarded-* are kept."),
  keys: z.array(key).describe("The clients' API keys; without any, everybody may call."),
  logLevel: z.enum(LOG_LEVELS).describe("The least level that is logged."),
  logFormat: z.enum(["auto", "text", "json"])
    .describe("auto: text on a terminal, else json."),
}, SERVER_DEFAULTS));

const kubernetes = z.strictObject(withDefaults({
  namespace: namespace().describe(
    "Of objects that name none. Default: the service account's, the kubeconfig context's, or `default`.",
  ),
  kubeconfig: optionalLine()
    .describe("Default: in the cluster its own, else $KUBECONFIG, else ~/.kube/config."),
  context: optionalLine().describe("Of the kubeconfig. Default: its current one."),
}, KUBERNETES_DEFAULTS));

const route = z.strictObject(withDefaults({
  path: routePath().describe("Begin of the request's path, up to a `/` or its end."),
  host: hostName().optional().describe("Only requests to this host."),
  model: modelName().describe("The model that gets them; with path `/` and no host: the default."),
  stripPrefix: z.boolean().describe("Take the path off before the request is forwarded."),
}, ROUTE_DEFAULTS));

export const configSchema = z.strictObject({
  server: server.prefault({}).describe("The gateway itself."),
  kubernetes: kubernetes.prefault({}).describe("The cluster."),
  defaults: defaultsSchema.prefault({}).describe("Any setting of a model, for all of them."),
  models: z.record(modelName(), modelSchema).describe("The models, by the name that clients send."),
  routes: z.array(route).default([]).describe(
    "For clients that cannot name a model. The longest path wins, then one with a host.",
  ),
}).meta({ title: "vllm-autoscaler config" });

/** The file with every default filled in but those of single models. */
export type ConfigFile = z.output<typeof configSchema>;
