/** LangChain's models for OpenAI. */
import { ChatOpenAI, OpenAIEmbeddings } from "@langchain/openai";

function fields({ baseURL, apiKey, headers, fetch, model, timeout, maxRetries }) {
  const configuration = { baseURL, defaultHeaders: headers, fetch };
  const own = Object.entries({ timeout, maxRetries }).filter(([, value]) => value !== undefined);
  return { model, apiKey, configuration, ...Object.fromEntries(own) };
}

export const langchain = {
  async invoke(asked) {
    return (await new ChatOpenAI(fields(asked)).invoke("Hello")).text;
  },
  async stream(asked) {
    let text = "";
    for await (const chunk of await new ChatOpenAI(fields(asked)).stream("Hello")) {
      text += chunk.text;
    }
    return text;
  },
  async embedQuery(asked) {
    return (await new OpenAIEmbeddings(fields(asked)).embedQuery("Hello")).join();
  },
};
