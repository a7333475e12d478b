/**
 * `/v1/realtime`: the few events of vLLM's transcription and of OpenAI's answers that a client needs to see its
 * own flow. One thing after the other: what comes while an answer is given waits for its end.
 */
import type { NodeAnswer } from "../platform/node_server.ts";
import type { NodeWebSocket } from "../platform/node_web_socket.ts";
import {
  breaking,
  type Call,
  type Core,
  generate,
  hexId,
  nowS,
  servedModel,
  usage,
} from "./core.ts";
import { Fault } from "./fault.ts";

type Event = { readonly type?: unknown; readonly [field: string]: unknown };

export function realtime(core: Core, call: Call): NodeAnswer {
  return {
    ...{ status: 101, headers: [], body: new Uint8Array() },
    webSocket: (socket) => converse(core, call, socket),
  };
}

async function converse(core: Core, call: Call, socket: NodeWebSocket): Promise<void> {
  const say = (event: object) => socket.send(JSON.stringify(event));
  say({ type: "session.created", id: hexId(core, "sess-"), created: nowS(core) });
  for await (const message of socket.messages) {
    try {
      const events = answersTo(core, call, eventOf(message));
      for await (const event of breaking(core, events)) say(event);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      say({ type: "error", error: error.message, code: error.data.type });
    }
  }
}

function eventOf(message: string | Uint8Array): Event {
  try {
    return JSON.parse(message as string) ?? {};
  } catch {
    throw fault("Invalid JSON", "invalid_json");
  }
}

async function* answersTo(core: Core, call: Call, event: Event): AsyncGenerator<object> {
  switch (event.type) {
    case "session.update": {
      servedModel(core, event.model);
      yield { ...event, type: "session.updated" };
      return;
    }
    case "input_audio_buffer.append":
      return;
    case "input_audio_buffer.commit":
      // The last commit says only that no more audio comes.
      if (event.final !== true) yield* transcription(core, call);
      return;
    case "response.create":
      yield* response(core, call);
      return;
    default:
      throw fault(`Unknown event type: ${event.type}`, "unknown_event");
  }
}

async function* transcription(core: Core, call: Call): AsyncGenerator<object> {
  let text = "";
  let count = 0;
  for await (const token of tokensOf(core, call)) {
    text += token.text;
    count++;
    yield { type: "transcription.delta", delta: token.text };
  }
  yield { type: "transcription.done", text, usage: usage(1, count) };
}

async function* response(core: Core, call: Call): AsyncGenerator<object> {
  const id = hexId(core, "resp_");
  let text = "";
  yield { type: "response.created", response: { id, status: "in_progress" } };
  for await (const token of tokensOf(core, call)) {
    text += token.text;
    yield { type: "response.output_text.delta", response_id: id, delta: token.text };
  }
  yield { type: "response.done", response: { id, status: "completed", output_text: text } };
}

function tokensOf(core: Core, call: Call) {
  return generate(core, call, { promptTokens: 1, maxTokens: undefined, ignoreEos: false });
}

function fault(message: string, type: string): Fault {
  return new Fault({ status: 400, type, message, by: "server" });
}
