/**
 * Why a request is refused, in vLLM 0.32's words. The shapes differ by who refuses: the server's
 * own checks, the validation of the body, the framework, or an exception nobody caught.
 */
import { type Headers, json } from "./answer.ts";
import type { NodeAnswer } from "../platform/node_server.ts";

export interface FaultData {
  readonly status: number;
  readonly type: string;
  readonly message: string;
  readonly param?: string | null;
  /** Who refuses; `/v1/messages` has its own shape for `server` only. */
  readonly by: "server" | "validation" | "exception";
}

export class Fault extends Error {
  constructor(readonly data: FaultData) {
    super(data.message);
  }
}

/** The framework could not even decode the body. */
export class UnreadableBody extends Error {}

/** The engine process behind the server died. */
export class EngineDead extends Fault {
  constructor() {
    super({
      ...exception("EngineCore encountered an issue. See stack trace (above) for the root cause."),
      by: "server",
    });
  }
}

export function badRequest(message: string, param: string | null): Fault {
  return new Fault({ status: 400, type: "BadRequestError", message, param, by: "server" });
}

export function queueFull(): Fault {
  return new Fault({
    status: 503,
    type: "Service Unavailable",
    message: "The engine is currently busy and cannot accept new requests. " +
      "Please try again later or on a different instance.",
    by: "server",
  });
}

export function shuttingDown(): Fault {
  return new Fault(exception("cannot schedule new futures after shutdown"));
}

/** `problems` as `1 validation error:` with its lines; `param` is where the first one is. */
export function invalid(param: string | null, problems: readonly string[]): Fault {
  const count = `${problems.length} validation error${problems.length === 1 ? "" : "s"}`;
  return new Fault({
    status: 400,
    type: "Bad Request",
    message: [`${count}:`, ...problems.map((problem) => `  ${problem}`)].join("\n"),
    param,
    by: "validation",
  });
}

function exception(message: string): FaultData {
  return { status: 500, type: "InternalServerError", message, by: "exception" };
}

export function openaiError({ status, type, message, param }: FaultData): unknown {
  return { error: { message, type, param: param ?? null, code: status } };
}

/** The answer to anything a route may throw; what it does not know is thrown on. */
export function faultAnswer(base: Headers, error: unknown, anthropic: boolean): NodeAnswer {
  if (error instanceof UnreadableBody) {
    return json(base, { detail: "There was an error parsing the body" }, 400);
  }
  if (!(error instanceof Fault)) throw error;
  const { data } = error;
  if (anthropic && data.by === "server") {
    const { type, message } = data;
    return json(base, { type: "error", error: { type, message } }, data.status);
  }
  const answer = json(base, openaiError(data), data.status);
  if (data.by !== "exception") return answer;
  // What nobody caught is answered outside of the layer that would have added this.
  return { ...answer, headers: answer.headers.filter(([name]) => name !== "vary") };
}
