/** Anthropic's own SDK. */
import Anthropic from "@anthropic-ai/sdk";

function client({ baseURL, apiKey, headers, fetch, timeout, requestTimeout, maxRetries }) {
  // It adds `/v1` itself.
  const root = baseURL.replace(/\/v1$/, "");
  return new Anthropic({
    ...{ baseURL: root, apiKey, defaultHeaders: headers, fetch, maxRetries },
    // It tells the server of either.
    timeout: requestTimeout ?? timeout,
  });
}

const body = ({ model }) => ({
  ...{ model, max_tokens: 1_000, messages: [{ role: "user", content: "Hello" }] },
});

export const anthropic = {
  async messages(asked) {
    return (await client(asked).messages.create(body(asked))).content[0].text;
  },
  async "messages stream"(asked) {
    const events = await client(asked).messages.create({ ...body(asked), stream: true });
    let text = "";
    for await (const event of events) {
      if (event.type === "content_block_delta") text += event.delta.text;
    }
    return text;
  },
  async "messages.stream()"(asked) {
    return await client(asked).messages.stream(body(asked)).finalText();
  },
  async countTokens(asked) {
    const { model, messages } = body(asked);
    return String((await client(asked).messages.countTokens({ model, messages })).input_tokens);
  },
};
