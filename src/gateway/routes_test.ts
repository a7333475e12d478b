import { expect } from "expect";
import fc from "fast-check";
import type { ModelSpec, RouteSpec } from "../config/spec.ts";
import { modelSpec } from "../testing/requests.ts";
import { RequestError } from "./request_error.ts";
import { createRouteTable, type Resolved } from "./routes.ts";

const MODELS = [
  modelSpec("qwen", {
    aliases: ["gpt-4o-mini"],
    adapters: ["lora"],
    upstreamModel: "Qwen/Qwen3-8B",
  }),
  modelSpec("bge", { aliases: ["embed"] }),
];
const ROUTES: RouteSpec[] = [
  { path: "/embed", model: "bge", stripPrefix: true },
  { path: "/embed/raw", model: "bge", stripPrefix: false },
  { path: "/embed", host: "chat.example.com", model: "qwen", stripPrefix: true },
  { path: "/", host: "bge.example.com", model: "bge", stripPrefix: true },
  { path: "/", model: "qwen", stripPrefix: true },
];
const CHAT = "/v1/chat/completions";

type Row = [string, string | null, string, string | undefined, string, string, string | undefined];
const RESOLVED: Row[] = [
  ["the body's model", null, CHAT, "bge", "bge", CHAT, undefined],
  ["an alias, renamed", null, CHAT, "embed", "bge", CHAT, "bge"],
  ["a name of ours, renamed", null, CHAT, "qwen", "qwen", CHAT, "Qwen/Qwen3-8B"],
  ["an adapter, as it is", null, CHAT, "lora", "qwen", CHAT, undefined],
  ["no model: the default route", null, CHAT, undefined, "qwen", CHAT, undefined],
  ["a path decides", null, `/embed${CHAT}`, "qwen", "bge", CHAT, "bge"],
  ["a path decides, whatever the body says", null, `/embed${CHAT}`, "x", "bge", CHAT, "bge"],
  ["a path alone", null, "/embed", undefined, "bge", "/", undefined],
  ["the longest path", null, "/embed/raw/x", undefined, "bge", "/embed/raw/x", undefined],
  ["segments, not letters", null, "/embedding", "bge", "bge", "/embedding", undefined],
  ["a host before none", "chat.example.com", `/embed${CHAT}`, undefined, "qwen", CHAT, undefined],
  ["a host with its port", "CHAT.example.com:8080", "/embed/x", undefined, "qwen", "/x", undefined],
  ["a host for all paths", "bge.example.com", CHAT, "qwen", "bge", CHAT, "bge"],
];

for (const [what, host, path, model, name, upstreamPath, rename] of RESOLVED) {
  Deno.test(`resolve() takes ${what}`, () => {
    const { spec, ...rest } = createRouteTable(MODELS, ROUTES).resolve({ host, path }, model);
    expect({ name: spec.name, ...rest }).toEqual({ name, path: upstreamPath, rename });
  });
}

Deno.test("resolve() says which models there are when there is no such model", () => {
  const table = createRouteTable(MODELS, []);
  const error = caught(() => table.resolve({ host: null, path: CHAT }, "gpt-4o"));
  expect(error.code).toBe("model_not_found");
  expect(error.options.param).toBe("model");
  expect(error.message).toBe(
    "Model 'gpt-4o' does not exist. Did you mean 'gpt-4o-mini'? There are: qwen, gpt-4o-mini, lora, bge, embed",
  );
});

Deno.test("resolve() keeps its message short, whatever is asked for and however many there are", () => {
  const table = createRouteTable(Array.from({ length: 1_000 }, (_, i) => modelSpec(`m${i}`)), []);
  const { message } = caught(() => table.resolve({ host: null, path: CHAT }, "x".repeat(100_000)));
  expect(message.length).toBeLessThan(500);
  expect(message).toMatch(/and 980 more$/);
});

Deno.test("resolve() takes the only model there is, and asks for a name among several", () => {
  const query = { host: null, path: CHAT };
  expect(createRouteTable([MODELS[1]!], []).resolve(query, undefined).spec.name).toBe("bge");
  const error = caught(() => createRouteTable(MODELS, []).resolve(query, undefined));
  expect(error.code).toBe("missing_required_parameter");
});

function caught(run: () => unknown): RequestError {
  try {
    run();
  } catch (error) {
    if (error instanceof RequestError) return error;
  }
  throw new Error("nothing was refused");
}

/** The rules once more, the slow way: all routes that fit, the best of them first. */
function reference(
  models: readonly ModelSpec[],
  routes: readonly RouteSpec[],
  host: string,
  path: string,
  model: string | undefined,
): Pick<Resolved, "path"> & { name: string } | "refused" {
  const fits = routes
    .filter((route) => route.host === undefined || route.host === host)
    .filter((route) =>
      route.path === "/" || path === route.path || path.startsWith(`${route.path}/`)
    )
    .toSorted((a, b) => b.path.length - a.path.length || Number(!a.host) - Number(!b.host));
  const [best] = fits;
  const decides = best && (best.path !== "/" || best.host !== undefined);
  if (decides) {
    const stripped = best.stripPrefix && best.path !== "/"
      ? path.slice(best.path.length) || "/"
      : path;
    return { name: best.model, path: stripped };
  }
  const named = models.find(({ name, aliases, adapters }) =>
    model !== undefined && [name, ...aliases, ...adapters].includes(model)
  );
  if (named) return { name: named.name, path };
  if (model !== undefined) return "refused";
  const fallback = routes.find((route) => route.path === "/" && route.host === undefined);
  if (fallback) return { name: fallback.model, path };
  return models.length === 1 ? { name: models[0]!.name, path } : "refused";
}

const segment = fc.constantFrom("a", "b", "ab");
const path = fc.array(segment, { maxLength: 3 }).map((segments) => `/${segments.join("/")}`);
const host = fc.constantFrom("h", "g");
const names = ["m0", "m1", "m2"];
const route = fc.record({
  path,
  host: fc.option(host, { nil: undefined }),
  model: fc.constantFrom(...names),
  stripPrefix: fc.boolean(),
}).map(({ host, ...rest }) => host === undefined ? rest : { ...rest, host });

Deno.test("resolve() agrees with the rules over any table, in any order of the file", () => {
  const routes = fc.uniqueArray(route, {
    maxLength: 8,
    selector: ({ path, host }: RouteSpec) => `${host} ${path}`,
  });
  const asked = fc.constantFrom(undefined, ...names, "alias1", "lora2", "unknown");
  const models = names.map((name, i) =>
    modelSpec(name, { aliases: [`alias${i}`], adapters: [`lora${i}`] })
  );
  fc.assert(
    fc.property(routes, host, path, asked, fc.boolean(), (routes, host, path, model, reversed) => {
      const want = reference(models, routes, host, path, model);
      const table = createRouteTable(models, reversed ? routes.toReversed() : routes);
      let got: typeof want;
      try {
        const resolved = table.resolve({ host, path }, model);
        got = { name: resolved.spec.name, path: resolved.path };
      } catch (error) {
        expect(error).toBeInstanceOf(RequestError);
        got = "refused";
      }
      expect(got).toEqual(want);
    }),
    { numRuns: 2_000 },
  );
});

// Every prefix of a path was looked up whole: 160 ms for one of 60 KB, and two minutes for this one.
Deno.test("matchPath() looks at no prefix that is longer than any route", () => {
  const table = createRouteTable(MODELS, ROUTES);
  const path = "/a".repeat(1_000_000);
  expect(table.matchPath({ host: "chat.example.com", path })).toBe(undefined);
  expect(table.matchPath({ host: null, path: `/embed${path}` })?.path).toBe(path);
});
