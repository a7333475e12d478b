/** `/v1/realtime` with real processes: a session wakes its model, waits for it, and lets it sleep. */
import { expect } from "expect";
import { eventually } from "../src/testing/eventually.ts";
import { engineModel, GatewayProcess } from "../src/testing/gateway_process.ts";

type Heard = { readonly type: string; readonly [field: string]: unknown };

/** A client as vLLM's own: it waits for the greeting, then says what it has to say. */
class Session implements Disposable {
  readonly heard: Heard[] = [];
  closed: [code: number, reason: string] | undefined;
  readonly #socket: WebSocket;

  constructor(gateway: GatewayProcess, search: string, events: readonly object[]) {
    this.#socket = new WebSocket(`${gateway.url}/v1/realtime${search}`);
    this.#socket.onerror = () => {};
    this.#socket.onclose = ({ code, reason }) => this.closed = [code, reason];
    this.#socket.onmessage = ({ data }) => {
      const event = JSON.parse(data) as Heard;
      this.heard.push(event);
      if (event.type === "session.created") this.say(...events);
    };
  }

  say(...events: readonly object[]): void {
    for (const event of events) this.#socket.send(JSON.stringify(event));
  }

  /** How often it heard an event of this type. */
  count(type: string): number {
    return this.heard.filter((event) => event.type === type).length;
  }

  async end(): Promise<[code: number, reason: string]> {
    await eventually(() => this.closed !== undefined, 20_000);
    return this.closed!;
  }

  [Symbol.dispose](): void {
    if (this.#socket.readyState < WebSocket.CLOSING) this.#socket.close(1000);
  }
}

const ASK = [{ type: "input_audio_buffer.append", audio: "AAAA" }, {
  type: "input_audio_buffer.commit",
}];

Deno.test("a session wakes the model that its session.update names, and its quiet lets it sleep", async () => {
  await using gateway = await GatewayProcess.start(
    engineModel("qwen", "--cold-start 300ms --tokens 4", "idleTimeout: 700ms") +
      engineModel("other"),
  );
  using session = new Session(gateway, "", [{ type: "session.update", model: "qwen" }, ...ASK]);
  await eventually(() => session.count("transcription.done") === 1, 20_000);
  expect(session.heard.map(({ type }) => type)).toEqual([
    ...["session.created", "session.updated"],
    ...Array(4).fill("transcription.delta"),
    "transcription.done",
  ]);
  expect(await session.end()).toEqual([1001, "No frame for 0.7 s (idleTimeout)"]);
  await gateway.until("qwen", "asleep", 2);
  expect(gateway.states("qwen").slice(0, 4)).toEqual(["asleep", "waking", "active", "idle"]);
  expect(gateway.enginePids()).toHaveLength(1);
});

Deno.test("a session whose frames flow keeps its model awake for longer than the idle timeout", async () => {
  await using gateway = await GatewayProcess.start(
    engineModel("m", "--tokens 40 --tokens-per-second 20", "idleTimeout: 500ms"),
  );
  using session = new Session(gateway, "?model=m", [{ type: "response.create" }]);
  await eventually(() => session.count("response.done") === 1, 20_000);
  expect(session.count("response.output_text.delta")).toBe(40);
  expect(gateway.states("m")).not.toContain("idle");
});

Deno.test("a session that ends while its model starts is never opened there, and the wake goes on", async () => {
  await using gateway = await GatewayProcess.start(engineModel("m", "--cold-start 500ms"));
  const session = new Session(gateway, "?model=m", []);
  await gateway.until("m", "waking");
  session[Symbol.dispose]();
  await gateway.until("m", "idle");
  expect(session.heard).toEqual([]);
});

Deno.test("a wake that fails and an engine that dies are told by the close code", async () => {
  await using gateway = await GatewayProcess.start(
    engineModel("broken", "--crash-at-start 3") + engineModel("dying", "--die-mid-stream 3"),
  );
  using cold = new Session(gateway, "?model=broken", []);
  const [code, reason] = await cold.end();
  expect([code, reason]).toEqual([1013, expect.stringMatching(/exit(ed with)? code 3/)]);
  using cut = new Session(gateway, "?model=dying", [{ type: "response.create" }]);
  expect((await cut.end())[0]).toBe(1011);
  expect(cut.count("response.done")).toBe(0);
});

Deno.test("SIGTERM tells who waits to come back at once, and who is connected that it ends, after drainTimeout", async () => {
  await using gateway = await GatewayProcess.start(
    engineModel("slow", "--cold-start 60s") + engineModel("m", "--tokens 2"),
    { server: "drainTimeout: 1s" },
  );
  using waiting = new Session(gateway, "?model=slow", []);
  using open = new Session(gateway, "?model=m", [{ type: "response.create" }]);
  await gateway.until("slow", "waking");
  await eventually(() => open.count("response.done") === 1, 20_000);
  gateway.signal("SIGTERM");
  expect((await waiting.end())[0]).toBe(1013);
  open.say({ type: "response.create" });
  await eventually(() => open.count("response.done") === 2);
  expect((await open.end())[0]).toBe(1001);
  expect((await gateway.status).code).toBe(0);
});
