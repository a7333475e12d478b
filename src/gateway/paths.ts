/** Paths in the one form in which they are compared and forwarded, and those that never pass. */

/** `pathname` without doubled and trailing slashes; `%2F` in a model's id stays as it is. */
export function normalisePath(pathname: string): string {
  if (!pathname.includes("//") && (!pathname.endsWith("/") || pathname === "/")) return pathname;
  return pathname.replace(/\/{2,}/g, "/").replace(/(.)\/$/, "$1");
}

/**
 * Remote control of an engine: putting it to sleep, loading code or weights into it, asking what it
 * runs. Whoever may send prompts may not do this, whatever prefix, method or spelling.
 */
const BLOCKED = new Set([
  "abort_requests",
  "collective_rpc",
  "fault_tolerance",
  "finish_weight_update",
  "get_world_size",
  "init_weight_transfer_engine",
  "is_paused",
  "is_scaling_elastic_ep",
  "is_sleeping",
  "kv_event_sources",
  "load_lora_adapter",
  "openapi.json",
  "pause",
  "release_kv_cache_memory",
  "resume",
  "scale_elastic_ep",
  "server_info",
  "shutdown_weight_transfer_engine",
  "sleep",
  "start_draft_weight_update",
  "start_profile",
  "start_weight_update",
  "stop_profile",
  "tokenizer_info",
  "unload_lora_adapter",
  "update_weight_version",
  "update_weights",
  "wake_up",
  "weight_checker",
  "weight_info",
]);

/** About the engine, not for its clients: the gateway has pages of its own, elsewhere. */
const HIDDEN = new Set(["docs", "favicon.ico", "load", "metrics", "redoc"]);

/**
 * True if `path` must not reach an engine. Under any prefix: a route may take one off, and so may the
 * engine (vLLM's `--root-path`).
 */
export function isBlocked(path: string): boolean {
  const segments = segmentsOf(path);
  return segments.some((name) => BLOCKED.has(name) || name.startsWith("reset_")) ||
    HIDDEN.has(segments.at(-1) ?? "");
}

/**
 * As an engine's router may see them: decoded, however often a proxy on the way has encoded them, and
 * without blanks. Starlette's routes end in `$`, which in Python also matches before a line break, so
 * `/sleep%0a` is `/sleep` to vLLM.
 */
function segmentsOf(path: string): string[] {
  let decoded = path;
  for (let i = 0; i < 3 && decoded.includes("%"); i++) decoded = decoded.replace(ENCODED, decode);
  return decoded.split("/").map((segment) => segment.trim()).filter(isSegment);
}

/** One byte: every name above is ASCII, so what the others spell does not matter. */
const ENCODED = /%[0-9a-f]{2}/gi;
const decode = (byte: string) => String.fromCharCode(parseInt(byte.slice(1), 16));
const isSegment = (segment: string) => segment !== "" && segment !== ".";

/** What lives in one pod's memory: it is asked for, never woken for. */
const STATEFUL = /^\/v1\/responses\/[^/]+(\/cancel)?$/;

/** True for `GET /v1/responses/{id}` and `POST /v1/responses/{id}/cancel`. */
export function isStateful(method: string, path: string): boolean {
  const match = STATEFUL.exec(path);
  return match !== null && (match[1] ? method === "POST" : method === "GET" || method === "DELETE");
}
