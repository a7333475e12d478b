/**
 * OpenAI's own SDK, as a program would use it. It tells the server only of a timeout that is given
 * with the request, not of the client's.
 */
import OpenAI, { toFile } from "openai";

function client({ baseURL, apiKey, headers, fetch, timeout, maxRetries }) {
  return new OpenAI({ baseURL, apiKey, defaultHeaders: headers, fetch, timeout, maxRetries });
}

const options = ({ requestTimeout }) => requestTimeout ? { timeout: requestTimeout } : undefined;

const input = "Hello";
const messages = [{ role: "user", content: "Hello" }];

export const openai = {
  async chat(asked) {
    const answer = await client(asked).chat.completions.create(
      { model: asked.model, messages },
      options(asked),
    );
    return answer.choices[0].message.content;
  },
  async "chat stream"(asked) {
    const { model } = asked;
    const chunks = await client(asked).chat.completions.create(
      { model, messages, stream: true },
      options(asked),
    );
    let text = "";
    for await (const { choices } of chunks) text += choices[0]?.delta.content ?? "";
    return text;
  },
  async completions(asked) {
    const { model } = asked;
    return (await client(asked).completions.create({ model, prompt: input }, options(asked)))
      .choices[0].text;
  },
  async "completions stream"(asked) {
    const { model } = asked;
    const chunks = await client(asked).completions.create(
      { model, prompt: input, stream: true },
      options(asked),
    );
    let text = "";
    for await (const { choices } of chunks) text += choices[0]?.text ?? "";
    return text;
  },
  async responses(asked) {
    return (await client(asked).responses.create({ model: asked.model, input }, options(asked)))
      .output_text;
  },
  async "responses stream"(asked) {
    const { model } = asked;
    const events = await client(asked).responses.create(
      { model, input, stream: true },
      options(asked),
    );
    let text = "";
    for await (const event of events) {
      if (event.type === "response.output_text.delta") text += event.delta;
    }
    return text;
  },
  async embeddings(asked) {
    const answer = await client(asked).embeddings.create(
      { model: asked.model, input },
      options(asked),
    );
    return answer.data[0].embedding.join();
  },
  async "embeddings float"(asked) {
    const { model } = asked;
    const answer = await client(asked).embeddings.create({
      model,
      input,
      encoding_format: "float",
    }, options(asked));
    return answer.data[0].embedding.join();
  },
  async transcription(asked) {
    // The order of the form's fields is the order here: the gateway finds the model behind the file.
    const file = await toFile(Buffer.alloc(asked.fileBytes), "speech.wav");
    const { model } = asked;
    return (await client(asked).audio.transcriptions.create({ file, model }, options(asked))).text;
  },
  async "models.list"(asked) {
    const ids = [];
    for await (const { id } of client(asked).models.list()) ids.push(id);
    return ids.includes(asked.model) ? asked.model : ids.join();
  },
  async "models.retrieve"(asked) {
    return (await client(asked).models.retrieve(asked.model)).id;
  },
};
