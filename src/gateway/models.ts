/** `GET /v1/models`: what the configuration names. It never asks, and never wakes, an upstream. */
import type { ModelSpec } from "../config/spec.ts";
import { mayUse } from "./access.ts";
import { allowOnly, answerJson } from "./info.ts";
import type { Layer, RequestContext } from "./layers.ts";
import { RequestError } from "./request_error.ts";
import type { Snapshot } from "./snapshot.ts";

const LIST = "/v1/models";

interface ModelEntry {
  readonly id: string;
  readonly object: "model";
  readonly created: number;
  readonly owned_by: string;
  /** The model that an adapter or an alias belongs to. */
  readonly parent: string | null;
  readonly x_state: string;
}

/** `created` is in seconds since the epoch; a model has no birthday, so all get the gateway's. */
export function modelsLayer(config: () => Snapshot, created: number): Layer {
  return {
    enter(request, context) {
      const { path } = context;
      const isAsked = path === LIST || path.startsWith(`${LIST}/`);
      // Its only model has the names that its engine gives it, which the engine alone knows.
      if (!isAsked || config().dropIn) return undefined;
      allowOnly(request, ["GET", "HEAD"]);
      const entries = entriesFor(context, config(), created);
      if (path === LIST) return answerJson({ object: "list", data: entries });
      const id = idIn(path);
      const entry = entries.find((entry) => entry.id === id);
      if (entry) return answerJson(entry);
      throw new RequestError("model_not_found", `Model '${id}' does not exist; see ${LIST}`, {
        param: "model",
      });
    },
  };
}

function entriesFor({ key }: RequestContext, snapshot: Snapshot, created: number): ModelEntry[] {
  const entry = (id: string, { name }: ModelSpec): ModelEntry => ({
    ...{ id, object: "model", created, owned_by: "vllm-autoscaler" },
    parent: id === name ? null : name,
    x_state: snapshot.state(name),
  });
  return snapshot.models
    .filter(({ name }) => mayUse(key, name))
    .flatMap((spec) => [spec.name, ...spec.aliases, ...spec.adapters].map((id) => entry(id, spec)));
}

/** Ids hold slashes and come as they are or as `%2F`. */
function idIn(path: string): string {
  const id = path.slice(LIST.length + 1);
  try {
    return decodeURIComponent(id);
  } catch {
    return id;
  }
}
