/**
 * The traffic of a soak: what clients do, each kind over and over with pauses in between. Every answer is held against
 * what was sent: the engines tell the size and the sum of the body that they got.
 */
import { crc32 } from "node:zlib";
import { pause, systemClock as clock } from "../../src/platform/clock.ts";
import { eventually } from "../../src/testing/eventually.ts";
import type { GatewayProcess } from "../../src/testing/gateway_process.ts";
import { chatOf } from "./chat_body.ts";
import type { Ledger, Outcome } from "./soak_ledger.ts";

/** What is asked, and by whom. */
export interface Bed {
  readonly gateway: GatewayProcess;
  readonly client: Deno.HttpClient;
  readonly ledger: Ledger;
  /** Writes the config again, with model `extra` or without it. */
  configure(withExtra: boolean): Promise<void>;
}

interface Kind {
  /** So many clients do it at once. */
  readonly clients: number;
  /** The longest pause of one between two times. */
  readonly pauseMs: number;
  /** @throws why a request is lost */
  run(bed: Bed): Promise<Outcome>;
}

export const SLEEPERS = ["sleeper-0", "sleeper-1", "sleeper-2", "sleeper-3"];
/** Nothing here takes as long, with a wake and all. */
const PATIENCE_MS = 60_000;
const EVENTS = 50;
const FRAMES = 20;
const SHORT = new Map<string, string>();
const LARGE = chatOf("up", 1024 * 1024);

const KINDS: Readonly<Record<string, Kind>> = {
  short: { clients: 4, pauseMs: 40, run: (bed) => whole(bed, short("up")) },
  large: { clients: 1, pauseMs: 500, run: (bed) => whole(bed, LARGE) },
  stream: { clients: 4, pauseMs: 100, run: (bed) => stream(bed, "up") },
  "asleep, short": { clients: 3, pauseMs: 5_000, run: (bed) => whole(bed, short(anySleeper())) },
  "asleep, stream": { clients: 2, pauseMs: 5_000, run: (bed) => stream(bed, anySleeper()) },
  "leaves before the answer": {
    ...{ clients: 2, pauseMs: 200 },
    run: (bed) => leave(bed, short("up"), "?ms=200", 250),
  },
  "leaves while the model starts": {
    ...{ clients: 1, pauseMs: 5_000 },
    run: (bed) => leave(bed, short(anySleeper()), "", 400),
  },
  "leaves in mid-answer": { clients: 2, pauseMs: 200, run: leaveStream },
  "cannot start": { clients: 1, pauseMs: 6_000, run: (bed) => refused(bed, "broken", 503) },
  "no such model": { clients: 1, pauseMs: 2_000, run: (bed) => refused(bed, "nobody", 404) },
  realtime: { clients: 1, pauseMs: 1_000, run: converse },
  reload: { clients: 1, pauseMs: 20_000, run: reload },
};

/** Until the signal is aborted; then what is under way ends. */
export async function traffic(bed: Bed, stop: AbortSignal): Promise<void> {
  await Promise.all(
    Object.entries(KINDS).flatMap(([name, kind]) =>
      Array.from({ length: kind.clients }, () => repeat(name, kind, bed, stop))
    ),
  );
}

async function repeat(name: string, kind: Kind, bed: Bed, stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    try {
      bed.ledger.took(name, await kind.run(bed));
    } catch (error) {
      bed.ledger.lost(name, error);
    }
    await pause(Math.random() * kind.pauseMs, clock);
  }
}

function short(model: string): string {
  const made = SHORT.get(model) ?? chatOf(model, 1024);
  SHORT.set(model, made);
  return made;
}

function anySleeper(): string {
  return SLEEPERS[Math.floor(Math.random() * SLEEPERS.length)]!;
}

function ask(
  { gateway, client }: Bed,
  body: string,
  query = "",
  signal = AbortSignal.timeout(PATIENCE_MS),
): Promise<Response> {
  return fetch(`${gateway.url}/v1/chat/completions${query}`, {
    ...{ method: "POST", headers: { "content-type": "application/json" }, body, client, signal },
  });
}

async function whole(bed: Bed, body: string): Promise<Outcome> {
  const response = await ask(bed, body);
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${response.status} ${text}`);
  const { bytes, crc32: sum } = JSON.parse(text);
  if (bytes === body.length && sum === crc32(body).toString(16)) return "answered";
  throw new Error("what was sent is not what came");
}

async function stream(bed: Bed, model: string): Promise<Outcome> {
  const body = chatOf(model, 1024, { stream: true });
  const response = await ask(bed, body, `?events=${EVENTS}&us=5000`);
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${response.status} ${text}`);
  const events = text.split("\n").filter((line) => line.startsWith('data: {"id"')).length;
  if (events === EVENTS && text.endsWith("data: [DONE]\n\n")) return "answered";
  throw new Error(`${events} of ${EVENTS} events, the end ${JSON.stringify(text.slice(-40))}`);
}

/** Whoever is quick enough gets an answer, which must be a good one. */
async function leave(bed: Bed, body: string, query: string, withinMs: number): Promise<Outcome> {
  const leaving = new AbortController();
  const timer = setTimeout(() => leaving.abort(), Math.random() * withinMs);
  try {
    const response = await ask(bed, body, query, leaving.signal);
    const text = await response.text();
    if (response.status === 200) return "answered";
    throw new Error(`${response.status} ${text}`);
  } catch (error) {
    if (leaving.signal.aborted) return "left";
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

async function leaveStream(bed: Bed): Promise<Outcome> {
  const leaving = new AbortController();
  const patience = setTimeout(() => leaving.abort(new Error("no answer")), PATIENCE_MS);
  try {
    const body = chatOf("up", 1024, { stream: true });
    const response = await ask(bed, body, "?events=100000&us=1000", leaving.signal);
    if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
    const reader = response.body!.getReader();
    for (let reads = 0; reads < 1 + Math.random() * 50; reads++) {
      if ((await reader.read()).done) throw new Error("the stream ended");
    }
    leaving.abort();
    await reader.cancel().catch(() => {});
    return "left";
  } finally {
    clearTimeout(patience);
  }
}

async function refused(bed: Bed, model: string, status: number): Promise<Outcome> {
  const response = await ask(bed, short(model));
  const text = await response.text();
  if (response.status === status) return "refused";
  throw new Error(`${response.status} ${text}, expected ${status}`);
}

/** Each frame comes back. */
async function converse({ gateway }: Bed): Promise<Outcome> {
  const socket = new WebSocket(`${gateway.url.replace("http", "ws")}/v1/realtime?model=spoken`);
  const heard: unknown[] = [];
  let closed: number | undefined;
  socket.onmessage = ({ data }) => heard.push(data);
  socket.onclose = ({ code }) => closed = code;
  try {
    await eventually(() => socket.readyState !== WebSocket.CONNECTING, PATIENCE_MS);
    for (let frame = 0; frame < FRAMES; frame++) socket.send(`frame ${frame}`);
    await eventually(() => heard.length >= FRAMES || closed !== undefined, PATIENCE_MS);
    if (heard.length < FRAMES) throw new Error(`${heard.length} frames, closed with ${closed}`);
    socket.send("just end");
    await eventually(() => closed !== undefined, PATIENCE_MS);
    if (heard.every((data, frame) => data === `frame ${frame}`)) return "answered";
    throw new Error("frames came in another order");
  } finally {
    if (closed === undefined) socket.close();
  }
}

/** The model comes or goes with the config; nobody else notices. */
async function reload(bed: Bed): Promise<Outcome> {
  const done = () => bed.gateway.lines.filter(({ msg }) => msg === "config reloaded").length;
  const before = done();
  const withExtra = before % 2 === 0;
  await bed.configure(withExtra);
  bed.gateway.signal("SIGHUP");
  await eventually(() => done() > before, PATIENCE_MS);
  return withExtra ? await whole(bed, short("extra")) : await refused(bed, "extra", 404);
}
