/** Vercel's AI SDK with its provider for OpenAI, and the one for everybody who speaks like OpenAI. */
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { embed, generateText, streamText } from "ai";

const prompt = "Hello";

async function generate(model, { maxRetries }) {
  return (await generateText({ model, prompt, maxRetries })).text;
}

async function stream(model, { maxRetries }) {
  // Without `onError` it would also print what goes wrong.
  const { fullStream } = streamText({ model, prompt, maxRetries, onError() {} });
  let text = "";
  for await (const part of fullStream) {
    if (part.type === "error") throw part.error;
    if (part.type === "text-delta") text += part.text;
  }
  return text;
}

async function embedding(model, { maxRetries }) {
  return (await embed({ model, value: prompt, maxRetries })).embedding.join();
}

const own = ({ baseURL, apiKey, headers, fetch }) =>
  createOpenAI({ baseURL, apiKey, headers, fetch });

const compatible = ({ baseURL, apiKey, headers, fetch }) =>
  createOpenAICompatible({ name: "gateway", baseURL, apiKey, headers, fetch });

export const aiOpenai = {
  "responses": (asked) => generate(own(asked)(asked.model), asked),
  "responses stream": (asked) => stream(own(asked)(asked.model), asked),
  "chat": (asked) => generate(own(asked).chat(asked.model), asked),
  "chat stream": (asked) => stream(own(asked).chat(asked.model), asked),
};

export const aiCompatible = {
  "generateText": (asked) => generate(compatible(asked)(asked.model), asked),
  "streamText": (asked) => stream(compatible(asked)(asked.model), asked),
  "embed": (asked) => embedding(compatible(asked).embeddingModel(asked.model), asked),
};
