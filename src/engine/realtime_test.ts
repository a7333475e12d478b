import { expect } from "expect";
import { type StartedEngine, startEngine } from "./start.ts";

type Heard = { readonly type: string; readonly [field: string]: unknown };

/** A client that says `events` when it is greeted, and closes when it has heard `last`. */
async function converse(
  engine: StartedEngine,
  events: readonly (object | string)[],
  last: string,
  path = "/v1/realtime",
): Promise<{ heard: Heard[]; clean: boolean }> {
  const heard: Heard[] = [];
  const socket = new WebSocket(engine.url + path);
  socket.onerror = () => {};
  socket.onmessage = ({ data }) => {
    const event = JSON.parse(data) as Heard;
    heard.push(event);
    if (event.type === last) return socket.close(1000);
    if (event.type !== "session.created") return;
    for (const event of events) {
      socket.send(typeof event === "string" ? event : JSON.stringify(event));
    }
  };
  const clean = await new Promise<boolean>((resolve) =>
    socket.onclose = ({ wasClean }) => resolve(wasClean)
  );
  return { heard, clean };
}

const typesOf = (heard: readonly Heard[]) => heard.map(({ type }) => type);

Deno.test("a session is greeted, updated and transcribes", async () => {
  await using engine = await startEngine({ models: ["m"], tokens: 3 });
  const { heard } = await converse(engine, [
    { type: "session.update", model: "m" },
    { type: "input_audio_buffer.append", audio: "AAAA" },
    { type: "input_audio_buffer.commit" },
    { type: "input_audio_buffer.commit", final: true },
  ], "transcription.done");
  expect(typesOf(heard)).toEqual([
    ...["session.created", "session.updated"],
    ...Array(3).fill("transcription.delta"),
    "transcription.done",
  ]);
  const deltas = heard.slice(2, 5).map(({ delta }) => delta).join("");
  expect(heard.at(-1)).toMatchObject({ text: deltas, usage: { completion_tokens: 3 } });
});

Deno.test("a session answers response.create", async () => {
  await using engine = await startEngine({ tokens: 2 });
  const { heard } = await converse(engine, [{ type: "response.create" }], "response.done");
  expect(typesOf(heard)).toEqual([
    ...["session.created", "response.created"],
    ...Array(2).fill("response.output_text.delta"),
    "response.done",
  ]);
});

Deno.test("what cannot be understood is an error event, and the session goes on", async () => {
  await using engine = await startEngine({ models: ["m"], tokens: 1 });
  const { heard } = await converse(engine, [
    "not JSON",
    { type: "what" },
    { type: "session.update", model: "other" },
    { type: "response.create" },
  ], "response.done");
  expect(heard.slice(1, 4).map(({ type, code }) => [type, code])).toEqual([
    ["error", "invalid_json"],
    ["error", "unknown_event"],
    ["error", "NotFoundError"],
  ]);
});

Deno.test("it breaks off, or dies, after as many events as it was told", async () => {
  await using engine = await startEngine({ tokens: 5, cutMidStream: 3 });
  const cut = await converse(engine, [{ type: "response.create" }], "response.done");
  expect([typesOf(cut.heard).length, cut.clean]).toEqual([4, false]);
  engine.behaviour.cutMidStream = Infinity;
  engine.behaviour.dieMidStream = 2;
  const dead = await converse(engine, [{ type: "response.create" }], "response.done");
  expect(dead.clean).toBe(false);
  expect(await engine.exited).toBe(1);
});

Deno.test("there is no WebSocket elsewhere, and only one there", async () => {
  await using engine = await startEngine();
  const { heard } = await converse(engine, [], "", "/v1/chat/completions");
  expect(heard).toEqual([]);
  const response = await fetch(`${engine.url}/v1/realtime`);
  await response.body?.cancel();
  expect(response.status).toBe(404);
  expect(engine.requests.map(({ target }) => target)).toEqual([
    "/v1/chat/completions",
    "/v1/realtime",
  ]);
});
