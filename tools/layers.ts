/**
 * The layers of the program: what may import what. A folder imports only from those below it; the few
 * edges that the order alone would allow, and must not be, are named one by one.
 */

/** Read from the top; those on one line stand beside each other and do not know each other. */
const LAYERS: readonly (readonly string[])[] = [
  ["main.ts"],
  ["src/cli"],
  ["src/app.ts"],
  ["src/gateway", "src/operator"],
  ["src/engine"],
  ["src/targets"],
  ["src/activator"],
  ["src/keys"],
  ["src/telemetry"],
  ["src/config"],
  ["src/platform"],
  ["src/lib"],
];

/** What may name the ambient world: everything else is given it. */
const PLATFORM = ["main.ts", "src/cli", "src/platform"];

/** Node's modules that compute and touch nothing. */
const PURE_MODULES = ["node:path"];

/** What runs in a browser and not in the program, which only serves it. */
const PAGE = "src/operator/page/";

/** Layers that import no package at all. */
const WITHOUT_PACKAGES = ["src/activator", "src/lib"];

const TEST_PACKAGES = ["expect", "fast-check"];

/** The layer of a file of the program; undefined if it stands outside all layers. */
function layerOf(path: string): string | undefined {
  return LAYERS.flat().find((layer) => path === layer || path.startsWith(`${layer}/`));
}

function rankOf(layer: string): number {
  return LAYERS.findIndex((row) => row.includes(layer));
}

/** True for what never ships: tests, what only they use, and scripts for developers. */
export function isTest(path: string): boolean {
  return /^(src\/testing|tests|tools)\/|\/testdata\/|_test\.ts$/.test(path);
}

export function mayNameTheWorld(path: string): boolean {
  return isTest(path) || path.startsWith(PAGE) || PLATFORM.includes(layerOf(path) ?? "");
}

/**
 * Why the file at `from` must not import `specifier`, and what to do instead; undefined if it may.
 * Paths are relative to the repository, with `/`.
 */
export function edgeFault(from: string, specifier: string): string | undefined {
  if (isTest(from)) return undefined;
  if (from.startsWith(PAGE)) return pageFault(from, specifier);
  const layer = layerOf(from);
  if (!layer) return `${from} is in no layer: put it into one of ${LAYERS.flat().join(", ")}`;
  const why = /^\.{0,2}\//.test(specifier)
    ? fileFault(from, layer, resolve(from, specifier))
    : packageFault(layer, specifier);
  return why && `${from} must not import ${specifier}: ${why}`;
}

/** A browser finds what is beside the file that asks for it, and nothing else. */
function pageFault(from: string, specifier: string): string | undefined {
  if (/^\.{1,2}\//.test(specifier) && resolve(from, specifier).startsWith(PAGE)) return undefined;
  return `${from} must not import ${specifier}: the page is served from ${PAGE} alone`;
}

function fileFault(from: string, layer: string, to: string): string | undefined {
  if (!to.endsWith(".ts")) return undefined;
  if (isTest(to)) return `${to} is for tests only; what the program needs belongs into a layer`;
  const target = layerOf(to);
  if (!target) return `${to} is in no layer`;
  if (target === "src/engine" && layer !== target) {
    if (from === "src/cli/engine.ts") return undefined;
    if (from === "src/cli/engine_flags.ts" && to === "src/engine/options.ts") return undefined;
    return "the stand-in engine is started by src/cli/engine.ts and by tests, known to nobody else";
  }
  if (layer === "src/gateway" && target === "src/targets") {
    return "the gateway asks src/activator for a permit and never learns what is scaled";
  }
  if (layer === target || rankOf(target) > rankOf(layer)) return undefined;
  if (rankOf(target) === rankOf(layer)) {
    return `${layer} and ${target} stand beside each other; let src/app.ts join them`;
  }
  return `${target} stands above ${layer}; declare what you need in ${layer} and be given it`;
}

function packageFault(layer: string, specifier: string): string | undefined {
  if (/^[a-z]+:/.test(specifier) && !specifier.startsWith("node:")) {
    return "name packages in the import map of deno.json, with an exact version";
  }
  if (PURE_MODULES.includes(specifier)) return undefined;
  if (specifier.startsWith("node:")) {
    return PLATFORM.includes(layer) ? undefined : "only src/platform and src/cli touch the system";
  }
  if (TEST_PACKAGES.includes(specifier)) return "this package is for tests only";
  if (WITHOUT_PACKAGES.includes(layer)) return `${layer} depends on no package`;
  return undefined;
}

/** `specifier`, relative to the file at `from`, as a path relative to the repository. */
function resolve(from: string, specifier: string): string {
  const path = decodeURI(new URL(specifier, `file:///${from}`).pathname);
  return path.slice(1);
}
