/** The operator API as the commands ask it; what goes wrong on the way is said with what to do. */
import type { ModelView } from "../operator/model_view.ts";
import type { Verb } from "../operator/verbs.ts";
import { rootCause } from "../lib/root_cause.ts";
import { createFetch } from "../platform/fetch.ts";
import type { Terminal } from "./terminal.ts";

export interface OperatorFlags {
  /** Default $VLLM_AUTOSCALER_URL, else http://127.0.0.1:9090. */
  readonly url?: string;
  /** Default $VLLM_AUTOSCALER_KEY. */
  readonly key?: string;
}

const DEFAULT_URL = "http://127.0.0.1:9090";
const ANSWER_MAX_MS = 10_000;
/** What is to be written down in the cluster may take as long as that lets us wait. */
const CHANGE_MAX_MS = 35_000;

/** What the gateway said no to, or why it could not be asked; the message is for the user. */
class OperatorError extends Error {}

export class OperatorClient {
  readonly #url: string;
  readonly #key: string | undefined;
  readonly #fetch = createFetch();

  constructor({ url, key }: OperatorFlags, readonly terminal: Terminal) {
    const { env } = terminal;
    this.#url = (url ?? env.VLLM_AUTOSCALER_URL ?? DEFAULT_URL).replace(/\/+$/, "");
    this.#key = key ?? env.VLLM_AUTOSCALER_KEY;
  }

  /** The exit code that `command` resolves with; 1 where the gateway says no or nothing, in its words. */
  async report(command: () => Promise<number>): Promise<number> {
    try {
      return await command();
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error;
      this.terminal.err(error.message);
      return 1;
    }
  }

  /** @throws OperatorError */
  async models(): Promise<readonly ModelView[]> {
    return (await this.#ask<{ models: ModelView[] }>("GET", "/api/models")).models;
  }

  /** @throws OperatorError */
  model(name: string): Promise<ModelView> {
    return this.#ask("GET", `/api/models/${encodeURIComponent(name)}`);
  }

  /** @throws OperatorError */
  steer(name: string, verb: Verb, query = ""): Promise<ModelView> {
    return this.#ask("POST", `/api/models/${encodeURIComponent(name)}/${verb}${query}`);
  }

  async #ask<T>(method: string, path: string): Promise<T> {
    const maxMs = method === "POST" ? CHANGE_MAX_MS : ANSWER_MAX_MS;
    let response: Response;
    try {
      response = await this.#fetch(this.#url + path, {
        method,
        headers: {
          "content-type": "application/json",
          ...(this.#key ? { authorization: `Bearer ${this.#key}` } : {}),
        },
        signal: AbortSignal.timeout(maxMs),
      });
    } catch (error) {
      if (error instanceof DOMException && error.name === "TimeoutError") {
        throw new OperatorError(
          `The gateway at ${this.#url} did not answer within ${maxMs / 1_000} s` +
            (method === "POST" ? ": whether it was done, 'status' says" : ""),
        );
      }
      throw new OperatorError(
        `No gateway answers at ${this.#url}: ${
          rootCause(error).replace(/^.*url \([^)]*\): /, "")
        }. Start one, or name its ` +
          "server.operator with --url or $VLLM_AUTOSCALER_URL (in a cluster: kubectl port-forward)",
      );
    }
    const text = await response.text();
    if (response.ok) return parsed<T>(text) ?? this.#notOurs();
    const message = parsed<{ error?: { message?: string } }>(text)?.error?.message;
    if (message === undefined) return this.#notOurs();
    const remedy = response.status === 401 ? ": --key or $VLLM_AUTOSCALER_KEY" : "";
    throw new OperatorError(message + remedy);
  }

  #notOurs(): never {
    throw new OperatorError(
      `What answers at ${this.#url} is no operator surface: name the gateway's server.operator, ` +
        "not server.listen, with --url",
    );
  }
}

function parsed<T>(text: string): T | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
