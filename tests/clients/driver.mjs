/**
 * Makes the calls that it is told on its input, all at once, and says of each how it came out: one
 * line of JSON each way. What that has to be is not its matter.
 */
import process from "node:process";
import { createInterface } from "node:readline";
import { aiCompatible, aiOpenai } from "./ai.mjs";
import { anthropic } from "./anthropic.mjs";
import { langchain } from "./langchain.mjs";
import { openai } from "./openai.mjs";

const CLIENTS = {
  openai,
  "@ai-sdk/openai": aiOpenai,
  "@ai-sdk/openai-compatible": aiCompatible,
  "@langchain/openai": langchain,
  "@anthropic-ai/sdk": anthropic,
};

for await (const line of createInterface({ input: process.stdin })) void make(JSON.parse(line));

async function make({ id, client, call, ...asked }) {
  const attempts = [];
  const outcome = await CLIENTS[client][call]({ ...asked, fetch: watching(attempts) })
    .then((text) => ({ text }), (error) => ({ error: described(error) }));
  process.stdout.write(`${JSON.stringify({ id, attempts, ...outcome })}\n`);
}

/** `fetch` with a note of what it was asked and answered; a good answer's body is left alone. */
function watching(attempts) {
  return async (input, init) => {
    // OpenAI's SDK asks so whether it may send forms.
    if (String(input).startsWith("data:")) return await fetch(input, init);
    const attempt = { path: new URL(input).pathname, body: String(init?.body ?? "") };
    attempts.push(attempt);
    const response = await fetch(input, init);
    attempt.status = response.status;
    attempt.headers = Object.fromEntries(response.headers);
    if (!response.ok) attempt.answer = await response.clone().text();
    return response;
  };
}

/** What a program can see of an error, and of those in it. */
function described(error) {
  if (!(error instanceof Error)) return { names: [], message: JSON.stringify(error) };
  const { message, status, statusCode, code, cause, lastError, responseBody } = error;
  return {
    names: namesOf(error),
    message,
    status: status ?? statusCode,
    code,
    body: responseBody ?? (error.error && JSON.stringify(error.error)),
    cause: lastError ?? cause ? described(lastError ?? cause) : undefined,
  };
}

/** Its own name, and its classes up to `Error`. */
function namesOf(error) {
  const names = [error.name];
  for (let at = Object.getPrototypeOf(error); at?.constructor; at = Object.getPrototypeOf(at)) {
    if (at === Error.prototype) break;
    names.push(at.constructor.name);
  }
  return [...new Set(names)];
}
