/** The table of what each client can call; `driver.mjs` has a function for every row. */

/**
 * What comes of a call: a whole answer in words, the same as a stream, numbers that depend on the
 * input alone, a count, or what the gateway itself says of its models.
 */
export type Kind = "words" | "stream" | "vector" | "count" | "models";

export interface Call {
  readonly client: string;
  readonly name: string;
  readonly kind: Kind;
}

const TABLE: Readonly<Record<string, Readonly<Record<string, Kind>>>> = {
  "openai": {
    "chat": "words",
    "chat stream": "stream",
    "completions": "words",
    "completions stream": "stream",
    "responses": "words",
    "responses stream": "stream",
    "embeddings": "vector",
    "embeddings float": "vector",
    "transcription": "words",
    "models.list": "models",
    "models.retrieve": "models",
  },
  "@ai-sdk/openai": {
    "responses": "words",
    "responses stream": "stream",
    "chat": "words",
    "chat stream": "stream",
  },
  "@ai-sdk/openai-compatible": {
    "generateText": "words",
    "streamText": "stream",
    "embed": "vector",
  },
  "@langchain/openai": {
    "invoke": "words",
    "stream": "stream",
    "embedQuery": "vector",
  },
  "@anthropic-ai/sdk": {
    "messages": "words",
    "messages stream": "stream",
    "messages.stream()": "stream",
    "countTokens": "count",
  },
};

export const CLIENTS: readonly string[] = Object.keys(TABLE);

export const CALLS: readonly Call[] = Object.entries(TABLE).flatMap(([client, calls]) =>
  Object.entries(calls).map(([name, kind]) => ({ client, name, kind }))
);
