/**
 * Which model a request is for: a route with a path or a host decides whatever the body says, else the
 * body's `model`, else the default route, else the only model there is.
 */
import type { ModelSpec, RouteSpec } from "../config/spec.ts";
import { nearest } from "../lib/nearest.ts";
import { RequestError } from "./request_error.ts";

export interface RouteMatch {
  readonly spec: ModelSpec;
  /** The path to send upstream, the route's prefix taken off if it says so. */
  readonly path: string;
}

export interface RouteQuery {
  /** The `Host` header; its port does not count. */
  readonly host: string | null;
  /** As `normalisePath` gives it. */
  readonly path: string;
}

export interface Resolved extends RouteMatch {
  /** The name to write in place of the body's; undefined: forward the body as it came. */
  readonly rename: string | undefined;
}

export interface RouteTable {
  /** The route that decides by itself, without a look into the body. */
  matchPath(query: RouteQuery): RouteMatch | undefined;
  /**
   * The model of a request whose body or query names `model` (undefined: names none).
   * @throws RequestError `model_not_found`, `missing_required_parameter`
   */
  resolve(query: RouteQuery, model: string | undefined): Resolved;
}

/** In an error, so that it stays readable. */
const NAMES_MAX = 20;

/** @throws Error if a route is for a model that is not there; the config's checks come first */
export function createRouteTable(
  models: readonly ModelSpec[],
  routes: readonly RouteSpec[],
): RouteTable {
  const byName = new Map<string, ModelSpec>();
  for (const spec of models) {
    for (const name of [spec.name, ...spec.aliases, ...spec.adapters]) byName.set(name, spec);
  }
  /** By path, then by host (`""`: any). */
  const byPath = new Map<string, Map<string, { route: RouteSpec; spec: ModelSpec }>>();
  for (const route of routes) {
    const spec = models.find(({ name }) => name === route.model);
    if (!spec) throw new Error(`Cannot route ${route.path}: there is no model '${route.model}'`);
    const hosts = byPath.get(route.path) ?? new Map();
    byPath.set(route.path, hosts.set(route.host?.toLowerCase() ?? "", { route, spec }));
  }
  const pathMax = Math.max(0, ...routes.map(({ path }) => path.length));
  const fallback = byPath.get("/")?.get("")?.spec ?? (models.length === 1 ? models[0] : undefined);

  /** Longest prefix first: as many look-ups as the path has segments. */
  const matchPath = ({ host, path }: RouteQuery): RouteMatch | undefined => {
    if (byPath.size === 0) return undefined;
    const name = hostOf(host);
    for (let prefix = path; prefix !== ""; prefix = shorter(prefix)) {
      // No look-up for what is no route's: a path of thousands of segments costs one walk.
      const hosts = prefix.length > pathMax ? undefined : byPath.get(prefix);
      const found = hosts?.get(name) ?? hosts?.get("");
      if (!found) continue;
      // The route for everything is only the default.
      if (prefix === "/" && !found.route.host) return undefined;
      return { spec: found.spec, path: found.route.stripPrefix ? strip(path, prefix) : path };
    }
    return undefined;
  };

  return {
    matchPath,
    resolve(query, model) {
      const match = matchPath(query);
      if (match) return { ...match, rename: renamed(match.spec, model) };
      const spec = model === undefined ? fallback : byName.get(model);
      if (spec) return { spec, path: query.path, rename: renamed(spec, model) };
      throw model === undefined ? noModel(models) : notFound(model, byName);
    },
  };
}

/** `/a/b` to `/a` to `/` to nothing. */
function shorter(prefix: string): string {
  if (prefix === "/") return "";
  return prefix.slice(0, prefix.lastIndexOf("/")) || "/";
}

function strip(path: string, prefix: string): string {
  return prefix === "/" ? path : path.slice(prefix.length) || "/";
}

function hostOf(host: string | null): string {
  return (host ?? "").toLowerCase().replace(/:\d+$/, "");
}

/** An adapter is the engine's own name; every other name becomes the one that the engine knows. */
function renamed(spec: ModelSpec, model: string | undefined): string | undefined {
  if (model === undefined || spec.adapters.includes(model)) return undefined;
  const wanted = spec.upstreamModel ?? spec.name;
  return model === wanted ? undefined : wanted;
}

function noModel(models: readonly ModelSpec[]): RequestError {
  return new RequestError(
    "missing_required_parameter",
    `The request names no 'model', and there is no default one; there are: ${
      listed(models.map(({ name }) => name))
    }`,
    { param: "model" },
  );
}

function notFound(model: string, byName: ReadonlyMap<string, ModelSpec>): RequestError {
  const shown = model.length > 100 ? `${model.slice(0, 100)}…` : model;
  const names = [...byName.keys()];
  const near = nearest(model.slice(0, 100), names);
  const hint = near ? ` Did you mean '${near}'?` : "";
  return new RequestError(
    "model_not_found",
    `Model '${shown}' does not exist.${hint} There are: ${listed(names)}`,
    { param: "model" },
  );
}

function listed(names: readonly string[]): string {
  const more = names.length - NAMES_MAX;
  return names.slice(0, NAMES_MAX).join(", ") + (more > 0 ? ` and ${more} more` : "");
}
