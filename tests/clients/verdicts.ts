/** What may have come of a call, as a reader of the table would say it; each throws if it is not so. */
import { expect } from "expect";
import type { Attempt, SdkError } from "./sdk_driver.ts";
import { type Made, WORDS } from "./world.ts";

/** The whole answer, and nothing but the answer. */
export function answered({ call, outcome, model, world }: Made): void {
  if (outcome.error) throw new Error(`It raised: ${JSON.stringify(outcome.error)}`);
  const whole = { words: WORDS, stream: WORDS, vector: world.vector, models: model };
  if (call.kind === "count") expect(outcome.text).toMatch(/^[1-9]\d*$/);
  else expect(outcome.text).toBe(whole[call.kind]);
}

/** The engine was asked that often, with these ends, and never twice at a time. */
export function served({ served }: Made, ...ends: string[]): void {
  expect(served.ends).toEqual(ends);
  neverTwice({ served });
}

export function neverTwice({ served }: Pick<Made, "served">): void {
  expect(served.atOnceMax).toBeLessThanOrEqual(1);
}

/** One request of the SDK was enough, and it was answered with `status`. */
export function once({ outcome: { attempts } }: Made, status: number): Attempt {
  expect(attempts.map(({ status }) => status)).toEqual([status]);
  return attempts[0]!;
}

/** The answer was begun before the model was up: only then the gateway writes this header. */
export function begunEarly({ headers }: Attempt): void {
  expect(headers).toMatchObject({ "x-accel-buffering": "no" });
  expect(headers).not.toHaveProperty("x-cold-start-ms");
}

/** The base class of each SDK's own errors. */
const OWN: Readonly<Record<string, string>> = {
  "openai": "OpenAIError",
  "@ai-sdk/openai": "AISDKError",
  "@ai-sdk/openai-compatible": "AISDKError",
  "@langchain/openai": "OpenAIError",
  "@anthropic-ai/sdk": "AnthropicError",
};

const CLASSES: Readonly<Record<number, string>> = {
  401: "AuthenticationError",
  403: "PermissionDeniedError",
  404: "NotFoundError",
  503: "InternalServerError",
};

/** The SDK's own error has our words; `status` is given where the answer had no other. */
export function raised(made: Made, message: RegExp, status?: number): void {
  const own = OWN[made.call.client]!;
  const errors = chain(made.outcome.error);
  const told = errors.find((error) =>
    error.names.includes(own) && message.test(error.message) &&
    (status === undefined || error.status === status)
  );
  if (!told) throw new Error(`Nothing in it is ${message}: ${JSON.stringify(errors)}`);
  if (status === undefined) return;
  // The AI SDK has one class for all.
  expect(told.names).toContain(own === "AISDKError" ? "APICallError" : CLASSES[status]);
}

/** An error of any kind, and not half an answer that looks whole. */
export function broke({ outcome }: Made): void {
  expect(outcome).not.toHaveProperty("text");
  expect(chain(outcome.error).length).toBeGreaterThan(0);
}

/** The error and the ones in it. */
export function chain(error: SdkError | undefined): SdkError[] {
  return error ? [error, ...chain(error.cause)] : [];
}
