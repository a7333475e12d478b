/**
 * `helm` and `kustomize`, the real ones, as far as tests render `deploy/` with them: those that `$HELM` and
 * `$KUSTOMIZE` name, else what `deno task renderers` has built, once a machine.
 */
import { parseAllDocuments } from "yaml";

export const FOLDER = new URL("../../deploy", import.meta.url).pathname;
export const CHART = `${FOLDER}/helm/vllm-autoscaler`;

export interface Renderer {
  /** As Go's tools name it, with its version. */
  readonly module: string;
  /** Of the linker: what a release has been told. */
  readonly flags: string;
  /** Where it is, or would be. */
  readonly path: string;
}

function renderer(name: string, module: string, flags = ""): Renderer {
  const { env } = Deno;
  const cache = env.get("XDG_CACHE_HOME") || `${env.get("HOME") ?? "/tmp"}/.cache`;
  const [, version] = module.split("@");
  const built = `${cache}/vllm-autoscaler/${name}-${version}`;
  return { module, flags, path: env.get(name.toUpperCase()) || built };
}

const CAPABILITIES = "helm.sh/helm/v3/pkg/chartutil.k8sVersion";
export const HELM = renderer(
  "helm",
  "helm.sh/helm/v3/cmd/helm@v3.19.0",
  // Else it takes every cluster for one of Kubernetes 1.20.
  `-X ${CAPABILITIES}Major=1 -X ${CAPABILITIES}Minor=34`,
);
export const KUSTOMIZE = renderer("kustomize", "sigs.k8s.io/kustomize/kustomize/v5@v5.7.1");

export function isThere({ path }: Renderer): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

let isTold = false;

/** True if tests may render here; if not, it says why. */
export function canRender(): boolean {
  const missing = [HELM, KUSTOMIZE].filter((each) => !isThere(each));
  for (const { path } of isTold ? [] : missing) {
    console.warn(`skipped: there is no ${path}; \`deno task renderers\` builds it, with Go`);
  }
  isTold = true;
  return missing.length === 0;
}

/** A test that renders: ignored where the programs for it are missing. */
export function renderTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, fn, ignore: !canRender() });
}

// deno-lint-ignore no-explicit-any
export type Rendered = any;

export interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** No cluster is asked but that of `kubeconfig`. */
export async function run(
  { path }: Renderer,
  args: readonly string[],
  kubeconfig = "/dev/null",
): Promise<Run> {
  const { code, stdout, stderr } = await new Deno.Command(path, {
    args: [...args],
    env: { KUBECONFIG: kubeconfig },
  }).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

/** @throws what it said on its standard error */
async function objectsOf(program: Renderer, args: readonly string[]): Promise<Rendered[]> {
  const { code, out, err } = await run(program, args);
  if (code !== 0) throw new Error(err);
  return parseAllDocuments(out).map((each) => each.toJS()).filter((object) => object !== null);
}

/** The objects of `deploy/kustomize`. */
export function kustomized(): Promise<Rendered[]> {
  return objectsOf(KUSTOMIZE, ["build", `${FOLDER}/kustomize`]);
}

/** The objects of a release `vllm-autoscaler`; `values` over the chart's own, `flags` over both. */
export async function charted(
  values: object = {},
  namespace = "vllm-autoscaler",
  flags: readonly string[] = [],
): Promise<Rendered[]> {
  const file = await Deno.makeTempFile({ suffix: ".json" });
  try {
    await Deno.writeTextFile(file, JSON.stringify(values));
    const args = ["template", "vllm-autoscaler", CHART, "--namespace", namespace];
    return await objectsOf(HELM, [...args, "--values", file, ...flags]);
  } finally {
    await Deno.remove(file);
  }
}

/** By kind and name, without the labels that only a release has: whoever made it, and of which version. */
export function comparable(objects: readonly Rendered[]): Rendered[] {
  const key = ({ kind, metadata }: Rendered) => `${kind} ${metadata.namespace} ${metadata.name}`;
  return objects.map((object) =>
    JSON.parse(
      JSON.stringify(object, (name, value) => RELEASE_LABELS.has(name) ? undefined : value),
    )
  ).sort((a, b) => key(a).localeCompare(key(b)));
}

const RELEASE_LABELS = new Set([
  ...["instance", "version", "managed-by"].map((name) => `app.kubernetes.io/${name}`),
  "helm.sh/chart",
]);
