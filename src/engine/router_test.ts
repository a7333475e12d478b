import { expect } from "expect";
import {
  exchange,
  parseAnswer,
  postJson,
  type WireAnswer,
  type WireRequest,
} from "../testing/wire.ts";
import { startEngine } from "./start.ts";

interface Sample {
  readonly name: string;
  readonly request: WireRequest;
  readonly answer: WireAnswer;
}

/** What a real vLLM 0.32.0 answered, `date` and lengths left out and long lists of numbers cut. */
async function readSamples(file: string): Promise<Sample[]> {
  const text = await Deno.readTextFile(new URL(`testdata/${file}.txt`, import.meta.url));
  return text.split(/^=== /m).slice(1).map((entry) => {
    const [asked, answered] = entry.slice(entry.indexOf("\n") + 1).split("\n---\n");
    const [head, body] = asked!.split("\n\n");
    const [line, ...headers] = head!.split("\n");
    const [method, target] = line!.split(" ");
    const [answerHead, ...events] = answered!.trimEnd().split("\n\n");
    const { status, headers: answerHeaders } = parseAnswer(answerHead!.replaceAll("\n", "\r\n"));
    return {
      name: entry.slice(0, entry.indexOf("\n")),
      request: { method: method!, target: target!, headers, ...(body ? { body } : {}) },
      answer: {
        status,
        headers: answerHeaders,
        chunks: [],
        body: events.join("\n\n"),
        complete: true,
      },
    };
  });
}

/** What differs from answer to answer: only its type counts. */
const VARIABLE =
  /^(created(_at)?|content|text|delta|(prompt|total|completion|input|output|original_input)_tokens|tokens|count|sequence_number|embedding|prompt|score|relevance_score|system_fingerprint)$/;

function shape(value: unknown, key = ""): unknown {
  if (Array.isArray(value)) {
    if (typeof value[0] === "number") return ["number"];
    return value.map((item) => shape(item));
  }
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([name, member]) => [name, shape(member, name)]),
    );
  }
  if (typeof value === "string" && /id$/.test(key)) return value.replace(/[0-9a-f]{16}/, "<hex>");
  return value !== null && VARIABLE.test(key) ? typeof value : value;
}

/** Events that only carry on are one, however many tokens there were. */
function shapeBody(body: string): unknown {
  if (/^(data|event): /.test(body)) {
    const events = body.trimEnd().split("\n\n").map((event) => {
      const [data, name] = event.split("\n").reverse();
      return [name, data === "data: [DONE]" ? data : shape(JSON.parse(data!.slice(6)))];
    });
    return events.filter((event, i) =>
      i === 0 || JSON.stringify(event) !== JSON.stringify(events[i - 1])
    );
  }
  return body.startsWith("{") ? shape(JSON.parse(body)) : body;
}

function comparable({ status, headers, body }: WireAnswer) {
  return {
    status,
    headers: headers
      .filter(([name]) => name !== "date" && name !== "connection")
      .map(([name, value]) => [
        name,
        name === "content-length" && value !== "0"
          ? "N"
          : name === "metadata"
          ? shapeBody(value)
          : value,
      ]),
    body: shapeBody(body),
  };
}

for (const file of ["api", "errors", "server", "pooling", "dev"]) {
  Deno.test(`the engine answers as vLLM does: ${file}`, async (t) => {
    await using engine = await startEngine({
      models: [file === "pooling" ? "tiny/embed" : "tiny/chat"],
      maxModelLen: 2048,
      tokens: 100,
      dev: file === "dev",
    });
    const port = Number(new URL(engine.url).port);
    for (const { name, request, answer } of await readSamples(file)) {
      await t.step(name, async () => {
        const own = await exchange(port, request);
        expect(own.complete || request.method === "HEAD").toBe(true);
        // One event, one chunk.
        if (/^(data|event): /.test(own.body)) {
          for (const chunk of own.chunks) expect(chunk.indexOf("\n\n")).toBe(chunk.length - 2);
        }
        // The bytes of vectors are not in the sample.
        const body = answer.body === "" && name.endsWith("bytes") ? { body: "" } : {};
        expect(comparable({ ...own, ...body })).toEqual(comparable(answer));
      });
    }
  });
}

const LONG = "a".repeat(20_000);

Deno.test("the engine refuses a prompt that is too long in the shape of each API", async () => {
  await using engine = await startEngine({ models: ["m"], maxModelLen: 2048 });
  const port = Number(new URL(engine.url).port);
  const messages = [{ role: "user", content: LONG }];
  const message = "This model's maximum context length is 2048 tokens. However, your prompt " +
    "contains at least 2049 input tokens, which exceeds this limit even without any output " +
    "tokens. Please reduce the length of the input prompt. (parameter=input_tokens, value=2049)";
  const type = "BadRequestError";
  for (const stream of [false, true]) {
    const chat = await exchange(port, postJson("/v1/chat/completions", { messages, stream }));
    expect(chat.status).toBe("HTTP/1.1 400 Bad Request");
    expect(JSON.parse(chat.body)).toEqual({
      error: { message, type, param: "input_tokens", code: 400 },
    });
  }
  const anthropic = await exchange(port, postJson("/v1/messages", { messages, max_tokens: 4 }));
  expect(JSON.parse(anthropic.body)).toEqual({ type: "error", error: { type, message } });
});

Deno.test("the engine cannot read a compressed body and says so as FastAPI does", async () => {
  await using engine = await startEngine();
  const compressed = new Blob(["{}"]).stream().pipeThrough(new CompressionStream("gzip"));
  const response = await fetch(`${engine.url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", "content-encoding": "gzip" },
    body: await new Response(compressed).arrayBuffer(),
  });
  expect(response.status).toBe(400);
  expect(await response.json()).toEqual({ detail: "There was an error parsing the body" });
});

Deno.test("createRouter() offers one half of the API when the runner says so", async () => {
  for (const [runner, found] of [["generate", "chat"], ["pooling", "embed"]] as const) {
    await using engine = await startEngine({ runner });
    const port = Number(new URL(engine.url).port);
    const messages = [{ role: "user", content: "Hello" }];
    const chat = await exchange(port, postJson("/v1/chat/completions", { messages }));
    const embed = await exchange(port, postJson("/v1/embeddings", { input: "Hello" }));
    const [yes, no] = found === "chat" ? [chat, embed] : [embed, chat];
    expect(yes.status).toBe("HTTP/1.1 200 OK");
    expect(no.status).toBe("HTTP/1.1 404 Not Found");
    expect(no.body).toBe('{"detail":"Not Found"}');
  }
});
