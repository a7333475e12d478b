/** The log of a real gateway: what it tells of a model's life, and what it never tells, at any level. */
import { expect } from "expect";
import { eventually } from "../src/testing/eventually.ts";
import { engineModel, GatewayProcess, UNDER_TEST } from "../src/testing/gateway_process.ts";
import { post, Upstream } from "../src/testing/gateway_server.ts";
import { OtlpReceiver } from "../src/testing/otlp_receiver.ts";

Deno.test("the log tells from which file what is served, each change and its reason, and a sleep's sum", async () => {
  await using gateway = await GatewayProcess.start(
    engineModel("m", "--tokens 2", "idleTimeout: 300ms"),
  );
  const listening = gateway.lines.find(({ msg }) => msg === "listening");
  expect(listening).toMatchObject({ config: gateway.file, models: 1, watches: "process of m" });
  await Promise.all([1, 2, 3].map(async () => await (await gateway.chat("m")).text()));
  await gateway.until("m", "asleep", 2);
  const states = gateway.lines.filter(({ state }) => state !== undefined);
  expect(states.map(({ state }) => state)).toEqual(states.map(({ msg }) => msg));
  for (const line of states) {
    expect(Object.keys(line).slice(0, 7)).toEqual([
      ...["time", "level", "msg", "model", "state", "was", "after"],
    ]);
    expect([line.msg, typeof line.reason]).toEqual([line.msg, "string"]);
  }
  expect(states.at(-1)).toMatchObject({ msg: "asleep", served: 3 });
  expect(parseFloat(String(states.at(-1)!.up))).toBeGreaterThan(0.2);
});

/** Whatever has this in it is a secret. */
const SECRET = "hidden";
const KEY = `${SECRET}-gateway-key`;
const HEADERS = {
  authorization: `Bearer ${KEY}`,
  "x-api-key": `${SECRET}-other-key`,
  cookie: `session=${SECRET}-cookie`,
  "x-request-id": `${SECRET} id`,
  baggage: `user=${SECRET}-baggage`,
};
const BODY = { messages: [{ role: "user", content: `${SECRET}-prompt` }] };

/** Requests of every kind that have something to hide, and come to every kind of end. */
async function hide(gateway: GatewayProcess, url: string): Promise<void> {
  const chat = `${gateway.url}/v1/chat/completions?api_key=${SECRET}-query`;
  const send = async (to: string, body: unknown, headers: Record<string, string> = HEADERS) =>
    await (await post(to, body, { headers })).body?.cancel().catch(() => {});
  for (const model of ["up", "refused", "breaks", "cold", "nobody"]) {
    await send(chat, { ...BODY, model, stream: model === "cold" });
  }
  await send(chat, { ...BODY, model: "up" }, { authorization: `Bearer ${SECRET}-wrong-key` });
  await send(chat, `{"model":"cold","messages":"${SECRET}-cut`);
  await send(chat, `{"model":"cold","${SECRET}":${SECRET}}`);
  await send(chat, { ...BODY, model: [SECRET] });
  await send(`${gateway.url}/sleep?key=${SECRET}`, BODY);
  await send(`${gateway.url}/v1/nothing?key=${SECRET}`, BODY, { ...HEADERS, upgrade: "h3" });
  const form = new FormData();
  form.set("model", "breaks");
  form.set("prompt", `${SECRET}-form`);
  const { authorization } = HEADERS;
  const sent = await fetch(`${gateway.url}/v1/audio/transcriptions`, {
    ...{ method: "POST", headers: { authorization }, body: form },
  });
  await sent.body?.cancel().catch(() => {});
  for (const path of ["/api/models", `/api/config?key=${SECRET}`, "/api/models/cold"]) {
    const headers = { authorization: `Basic ${btoa(`x:${SECRET}`)}` };
    await (await fetch(url + path, { headers })).body?.cancel();
  }
  const socket = new WebSocket(
    `${gateway.url.replace("http", "ws")}/v1/realtime?model=refused&key=${SECRET}`,
    ["realtime", `openai-insecure-api-key.${KEY}`],
  );
  await new Promise((resolve) => socket.onclose = resolve);
}

Deno.test("no prompt, key, query or body is in the log, whatever becomes of them, nor in a trace", async () => {
  await using up = new Upstream(() => Response.json({ object: `${SECRET}-answer` }));
  const breaks = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const breaking = (async () => {
    for await (const connection of breaks) connection.close();
  })();
  await using collector = new OtlpReceiver();
  const models = [
    `  up: { external: true, upstream: "${up.url}", upstreamKeyEnv: UPSTREAM_KEY }\n`,
    `  refused: { external: true, upstream: "http://127.0.0.1:9", connectTimeout: 1s }\n`,
    `  breaks: { external: true, upstream: "http://127.0.0.1:${breaks.addr.port}" }\n`,
    engineModel("cold", "--no-such-flag").replace(
      "stopGrace: 5s",
      `stopGrace: 5s, env: { TOKEN: ${SECRET}-env }`,
    ),
  ].join("");
  const keys = `keys: [{ name: team, key: ${KEY} }]`;
  const server = `operator: 127.0.0.1:0\nlogLevel: debug\n`;
  await using gateway = await GatewayProcess.start(models, {
    server: server + keys,
    command: {
      ...UNDER_TEST,
      env: { ...collector.env, UPSTREAM_KEY: `${SECRET}-upstream-key` },
    },
  });
  await hide(gateway, gateway.operatorUrl);
  // A config that is refused is not read out either.
  await gateway.write(models, {
    server: `${server}keys: [{ name: team, key: [${SECRET}-new-key], keyy: ${SECRET} }]`,
  });
  await eventually(() => gateway.lines.some(({ msg }) => msg === "config not reloaded"));
  await gateway.stop();
  breaks.close();
  await breaking;
  const log = [...gateway.lines.map((line) => JSON.stringify(line)), ...gateway.text].join("\n");
  expect(log).toContain("request refused");
  expect(log).toContain("upstream failed");
  expect(log.split("\n").filter((line) => line.includes(SECRET))).toEqual([]);
  const { spans, text } = collector;
  expect(spans.filter(({ kind }) => kind === "server").length).toBeGreaterThan(10);
  expect(text.join("\n").split("\n").filter((line) => line.includes(SECRET))).toEqual([]);
});
