/** Config files that must be taken: any of them, drawn from the whole space that the schema allows. */
import fc from "fast-check";
import { ENGINE_NAMES } from "../config/engines.ts";

const duration = fc.oneof(
  fc.integer({ min: 1, max: 5000 }).map((n) => `${n}s`),
  fc.tuple(fc.integer({ min: 1, max: 99 }), fc.integer({ min: 1, max: 59 })).map(([h, m]) =>
    `${h}h${m}m`
  ),
  fc.integer({ min: 1, max: 10_000 }).map((n) => `${n}ms`),
);
const orNever = fc.oneof(duration, fc.constant("never"));
const size = fc.integer({ min: 1, max: 512 }).map((n) => `${n}MiB`);
const label = fc.stringMatching(/^[a-z]([a-z0-9-]{0,8}[a-z0-9])?$/);
/** Also what YAML would read as a number, and what would be a reference. */
const text = fc.oneof(
  fc.stringMatching(/^[ -~]{1,12}$/).map((s) => s.replace(/\$\{/g, () => "$${")),
  fc.constantFrom("1.0", "007", "true", "null", "~", "a\nb", "ünï ☃", "$${A}", "# no"),
);
const word = text.filter((s) => !/\p{Cc}/u.test(s));
const modelName = fc.stringMatching(/^[a-zA-Z0-9._/:-]{1,12}$/)
  // The one name that no mapping can have.
  .filter((name) => name !== "__proto__");
const metric = fc.stringMatching(/^[a-z_:][a-z0-9_:]{0,8}$/);
const path = fc.stringMatching(/^\/[a-z0-9/._-]{0,8}$/);
const count = fc.integer({ min: 0, max: 1000 });

const engine = fc.oneof(
  fc.constantFrom(...ENGINE_NAMES),
  fc.record({
    name: fc.oneof(word, fc.constantFrom(...ENGINE_NAMES)),
    healthPath: path,
    metrics: fc.oneof(
      fc.constant(false),
      fc.record({
        path,
        busy: fc.array(metric, { minLength: 1, maxLength: 3 }),
        served: fc.array(metric, { minLength: 1, maxLength: 3 }),
      }, { requiredKeys: ["busy"] }),
    ),
  }, { requiredKeys: [] }),
);

const settings = {
  idleTimeout: orNever,
  coldStartTimeout: duration,
  unschedulableGrace: duration,
  retryAfterMax: duration,
  pendingMax: fc.integer({ min: 1, max: 1000 }),
  inFlightMax: count,
  pendingTimeout: duration,
  responseTimeout: duration,
  earlyHeadersAfter: orNever,
  keepAliveInterval: duration,
  keepAliveJson: fc.boolean(),
  connectTimeout: duration,
  enabled: fc.boolean(),
  engine,
};

/** What is scaled is named by the model's place, so that no two models scale one thing. */
const scaled = (i: number) =>
  fc.oneof(
    fc.record({
      deployment: fc.constant(`d${i}`),
      service: label,
      replicas: fc.integer({ min: 1, max: 9 }),
    }, {
      requiredKeys: ["deployment"],
    }),
    fc.record({
      statefulSet: label.map((ns) => `${ns}/s${i}`),
      upstream: fc.constant("https://u/x/"),
    }, {
      requiredKeys: ["statefulSet"],
    }),
    fc.record({
      workload: fc.record({
        apiVersion: fc.constantFrom("v1", "a.b/v1beta1"),
        kind: fc.constant("Big"),
        namespace: label,
        name: fc.constant(`w${i}`),
      }, { requiredKeys: ["apiVersion", "kind", "name"] }),
    }),
    fc.record({
      process: fc.record({
        command: fc.tuple(text, fc.constant("${PORT}")),
        env: fc.dictionary(fc.stringMatching(/^[A-Z]{1,5}$/), text, { maxKeys: 3 }),
        cwd: fc.constantFrom(".", "a/../b", "/abs"),
        stopGrace: duration,
      }, { requiredKeys: ["command"] }),
    }),
  );

const external = fc.record({ external: fc.constant(true), upstream: fc.constant("http://u:1") });

const model = (i: number) => {
  const { idleTimeout: _, ...withoutIdle } = settings;
  return fc.oneof(
    fc.tuple(scaled(i), fc.record({ ...settings, upstreamModel: word }, { requiredKeys: [] })),
    fc.tuple(external, fc.record(withoutIdle, { requiredKeys: [] })),
  ).map(([what, rest]) => ({ ...what, ...rest }));
};

const server = fc.record({
  listen: fc.constantFrom("0.0.0.0:8080", "[::1]:0", "localhost:1"),
  operator: fc.constantFrom(false as const, "127.0.0.1:9090", "0.0.0.0:9091"),
  drainTimeout: duration,
  shutdownDelay: duration,
  bodyMax: size,
  bodyTimeout: duration,
  cors: fc.oneof(fc.boolean(), fc.constant(["https://a.example", "http://b:1"])),
  trustedProxies: fc.subarray(["10.0.0.0/8", "::1/128"]),
  logLevel: fc.constantFrom("debug", "info", "warn", "error"),
  logFormat: fc.constantFrom("auto", "text", "json"),
}, { requiredKeys: [] });

/** Keys, routes and aliases are made of the models' names, each used once. */
export const configFile = fc.uniqueArray(modelName, { minLength: 1, maxLength: 4 }).chain((names) =>
  fc.record({
    server,
    defaults: fc.record(settings, { requiredKeys: [] }),
    kubernetes: fc.record({ namespace: label, kubeconfig: word, context: word }, {
      requiredKeys: [],
    }),
    models: fc.tuple(...names.map((_, i) => model(i))).map((models) =>
      Object.fromEntries(
        models.map((
          each,
          i,
        ) => [names[i]!, { ...each, aliases: [`alias@${i}`] }]),
      )
    ),
    keys: fc.array(fc.record({ key: word, models: fc.subarray(names) }, { requiredKeys: ["key"] })),
    routes: fc.array(
      fc.record({ model: fc.constantFrom(...names), host: label }, { requiredKeys: ["model"] }),
    ),
  }).map(({ keys, routes, ...file }) => ({
    ...file,
    server: {
      ...file.server,
      keys: keys.map((key, i) => ({ ...key, name: `k${i}`, key: `${key.key}${i}` })),
    },
    routes: routes.map((route, i) => ({ ...route, path: i === 0 ? "/" : `/p${i}` })),
  }))
);
