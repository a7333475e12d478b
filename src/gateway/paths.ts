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
  "init_weight_transfer_engine",
  "is_paused",
  "is_scaling_elastic_ep",
  "is_sleeping",
  "load_lora_adapter",
  "openapi.json",
  "pause",
  "resume",
  "scale_elastic_ep",
  "server_info",
  "sleep",
  "start_profile",
  "stop_profile",
  "tokenizer_info",
  "unload_lora_adapter",
  "update_weights",
  "wake_up",
  "weight_info",
]);

/** About the engine, not for its clients: the gateway has pages of its own, elsewhere. */
const HIDDEN = new Set(["docs", "favicon.ico", "load", "metrics", "redoc"]);

/** True if `path`, its route's prefix taken off, must not reach an engine. */
export function isBlocked(path: string): boolean {
  const [first = "", second = "", third] = segmentsOf(path);
  const [name, below] = first === "v1" ? [second, third] : [first, second || undefined];
  if (BLOCKED.has(name) || name.startsWith("reset_")) return true;
  return HIDDEN.has(name) && below === undefined;
}

/** As the engine's router sees them: decoded, however often a proxy on the way may have encoded them. */
function segmentsOf(path: string): string[] {
  let decoded = path;
  for (let i = 0; i < 3 && decoded.includes("%"); i++) {
    try {
      decoded = decodeURIComponent(decoded);
    } catch {
      break;
    }
  }
  return decoded.split("/").filter((segment) => segment !== "" && segment !== ".");
}

/** What lives in one pod's memory: it is asked for, never woken for. */
const STATEFUL = /^\/v1\/responses\/[^/]+(\/cancel)?$/;

/** True for `GET /v1/responses/{id}` and `POST /v1/responses/{id}/cancel`. */
export function isStateful(method: string, path: string): boolean {
  const match = STATEFUL.exec(path);
  return match !== null && (match[1] ? method === "POST" : method === "GET" || method === "DELETE");
}
