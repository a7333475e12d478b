/** OpenAI's own SDK, as a program would use it. */
import OpenAI, { toFile } from "openai";

function client({ baseURL, apiKey, headers, fetch, maxRetries }) {
  return new OpenAI({ baseURL, apiKey, defaultHeaders: headers, fetch, maxRetries });
}

/** Given with the call: only then it hints at it in a header. */
function patience({ timeout }) {
  return timeout === undefined ? {} : { timeout };
}

const input = "Hello";
const messages = [{ role: "user", content: "Hello" }];

export const openai = {
  async chat(asked) {
    const answer = await client(asked).chat.completions.create({ model: asked.model, messages }, patience(asked));
    return answer.choices[0].message.content;
  },
  async "chat stream"(asked) {
    const { model } = asked;
    const chunks = await client(asked).chat.completions.create({ model, messages, stream: true }, patience(asked));
    let text = "";
    for await (const { choices } of chunks) text += choices[0]?.delta.content ?? "";
    return text;
  },
  async completions(asked) {
    const { model } = asked;
    return (await client(asked).completions.create({ model, prompt: input }, patience(asked))).choices[0].text;
  },
  async "completions stream"(asked) {
    const { model } = asked;
    const chunks = await client(asked).completions.create({ model, prompt: input, stream: true }, patience(asked));
    let text = "";
    for await (const { choices } of chunks) text += choices[0]?.text ?? "";
    return text;
  },
  async responses(asked) {
    return (await client(asked).responses.create({ model: asked.model, input }, patience(asked))).output_text;
  },
  async "responses stream"(asked) {
    const { model } = asked;
    const events = await client(asked).responses.create({ model, input, stream: true }, patience(asked));
    let text = "";
    for await (const event of events) {
      if (event.type === "response.output_text.delta") text += event.delta;
    }
    return text;
  },
  async embeddings(asked) {
    const answer = await client(asked).embeddings.create({ model: asked.model, input }, patience(asked));
    return answer.data[0].embedding.join();
  },
  async "embeddings float"(asked) {
    const { model } = asked;
    const answer = await client(asked).embeddings.create({
      model,
      input,
      encoding_format: "float",
    }, patience(asked));
    return answer.data[0].embedding.join();
  },
  async transcription(asked) {
    // The order of the form's fields is the order here: the gateway finds the model behind the file.
    const file = await toFile(Buffer.alloc(asked.fileBytes), "speech.wav");
    const { model } = asked;
    return (await client(asked).audio.transcriptions.create({ file, model }, patience(asked))).text;
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
