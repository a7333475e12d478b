/**
 * What the gateway reads and writes of a realtime session itself: the greeting that some clients wait for before
 * they say a word, and the model that the first frame names. All other frames are nobody's business.
 */
import { checkJson } from "./check_json.ts";
import { renameModel, type RequestFields } from "./fields.ts";
import { RequestError } from "./request_error.ts";
import { scanJson } from "./scan_json.ts";

export type Frame = string | ArrayBuffer;

/** A first frame longer than this names no model: it is left as it is. */
const LENGTH_MAX = 2 ** 20;

/** In vLLM's form. vLLM greets before anything is asked of it, and its clients name the model after that. */
export function greeting(id: string, wallMs: number): string {
  return JSON.stringify({
    type: "session.created",
    id: `sess-${id}`,
    created: Math.floor(wallMs / 1000),
  });
}

/** True for an engine's own greeting: the second one that a client would hear. */
export function isGreeting(frame: Frame): boolean {
  if (typeof frame !== "string" || frame.length > LENGTH_MAX) return false;
  try {
    return JSON.parse(frame)?.type === "session.created";
  } catch {
    return false;
  }
}

/**
 * The model that the first frame names; undefined if it names none.
 * @throws RequestError `invalid_json`, `missing_required_parameter` if it cannot be one that names a model
 */
export function namedModel(frame: Frame): string | undefined {
  if (typeof frame === "string" && frame.length <= LENGTH_MAX) {
    const bytes = new TextEncoder().encode(frame);
    // In full: what follows may start a model.
    checkJson(bytes);
    return scanJson(bytes).model;
  }
  throw new RequestError(
    "missing_required_parameter",
    "Name the model: '?model=', or 'model' in a session.update as the first message",
    { param: "model" },
  );
}

/** `frame` with another name for the model that it names; `rename` says which, or undefined to leave it. */
export function renamed(frame: Frame, rename: (model: string) => string | undefined): Frame {
  if (typeof frame !== "string" || frame.length > LENGTH_MAX) return frame;
  const bytes = new TextEncoder().encode(frame);
  const fields = scanned(bytes);
  const name = fields?.model === undefined ? undefined : rename(fields.model);
  if (!fields || name === undefined) return frame;
  return new TextDecoder().decode(renameModel(bytes, fields, name, "json"));
}

/** What is no JSON is the engine's to refuse. */
function scanned(bytes: Uint8Array): RequestFields | undefined {
  try {
    return scanJson(bytes);
  } catch {
    return undefined;
  }
}

/** `search` with another value for its `model`, all else as it came. */
export function renamedSearch(search: string, name: string): string {
  return search.replace(/(?<=[?&])model=[^&]*/, `model=${encodeURIComponent(name)}`);
}
