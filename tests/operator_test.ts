/** The operator surface of a real gateway process: on a port of its own, true to what clients do, and gone with it. */
import { expect } from "expect";
import { eventually } from "../src/testing/eventually.ts";
import { parseExposition } from "../src/testing/exposition.ts";
import { engineModel, GatewayProcess } from "../src/testing/gateway_process.ts";

const ENGINE = engineModel("m", "");

async function start(server = ""): Promise<{ gateway: GatewayProcess; url: string }> {
  const gateway = await GatewayProcess.start(ENGINE, {
    server: `operator: 127.0.0.1:0\n${server}`,
  });
  return { gateway, url: gateway.operatorUrl };
}

Deno.test("operators wake a model, see it come up, and find its requests in the metrics", async () => {
  const { gateway, url } = await start();
  await using _gateway = gateway;
  expect(url).not.toBe(gateway.url);
  const events = await fetch(`${url}/api/events`);
  const reader = events.body!.pipeThrough(new TextDecoderStream()).getReader();
  expect((await reader.read()).value).toMatch(/^event: models/);
  const woken = await fetch(`${url}/api/models/m/wake`, {
    method: "POST",
    headers: { "content-type": "application/json" },
  });
  expect([woken.status, (await woken.json()).state]).toEqual([202, "waking"]);
  let text = "";
  while (!text.includes('"state":"active"')) text += (await reader.read()).value ?? "";
  await reader.cancel();
  const chat = await gateway.chat("m");
  expect([chat.status, chat.headers.get("x-cold-start-ms")]).toEqual([200, null]);
  await chat.body?.cancel();
  const history = await (await fetch(`${url}/api/history`)).json();
  expect(history.models[0].changes.map(({ state }: { state: string }) => state))
    .toEqual(["asleep", "waking", "active"]);
  expect(history.models[0].lastWake).toMatchObject({ model: "m", ended: "active" });
  await (await gateway.chat("nobody")).body?.cancel();
  const counted = async (name: string, labels: Record<string, string>) => {
    const response = await fetch(`${url}/metrics`);
    const families = parseExposition(await response.text());
    return families.get(name)!.samples.find((sample) =>
      JSON.stringify(sample.labels) === JSON.stringify(labels)
    )?.value;
  };
  await eventually(async () =>
    await counted("vllm_autoscaler_requests_total", { model: "m", code: "200" }) === 1
  );
  await eventually(async () =>
    await counted("vllm_autoscaler_rejected_requests_total", {
      ...{ model: "", reason: "model_not_found" },
    }) === 1
  );
  expect(await counted("process_resident_memory_bytes", {})).toBeGreaterThan(1e7);
  // Clients find nothing of that where they ask.
  for (const path of ["/metrics", "/api/models", "/livez"]) {
    const response = await fetch(gateway.url + path);
    await response.body?.cancel();
    expect([path, response.status]).toEqual([path, 404]);
  }
});

Deno.test("an engine that does not say how busy it is is counted, and stays up", async () => {
  const answer =
    "(r) => new URL(r.url).pathname === '/metrics' ? new Response('', { status: 500 }) : new Response()";
  const script = `Deno.serve({ port: Number("\${PORT}"), hostname: "127.0.0.1" }, ${answer})`;
  const command = JSON.stringify([Deno.execPath(), "eval", script]);
  await using gateway = await GatewayProcess.start(
    `  m: { process: { command: ${command} }, idleTimeout: 200ms }\n`,
    { server: "operator: 127.0.0.1:0" },
  );
  const failures = async () => {
    const text = await (await fetch(`${gateway.operatorUrl}/metrics`)).text();
    return parseExposition(text).get("vllm_autoscaler_metrics_scrape_failures_total")!.samples;
  };
  expect(await failures()).toMatchObject([{ labels: { model: "m" }, value: 0 }]);
  await (await gateway.chat("m")).body?.cancel();
  await eventually(async () => (await failures())[0]!.value > 1);
  expect(gateway.states("m")).not.toContain("stopping");
});

Deno.test("the status page is a file at the root, and asked for again only when it is another", async () => {
  const { gateway, url } = await start();
  await using _gateway = gateway;
  const page = await fetch(url);
  expect([page.status, page.headers.get("content-type")]).toEqual([
    200,
    "text/html; charset=utf-8",
  ]);
  expect(await page.text()).toMatch(/^<!doctype html>/);
  const head = await fetch(url, { method: "HEAD" });
  expect([head.status, await head.text()]).toEqual([200, ""]);
  const headers = { "if-none-match": page.headers.get("etag")! };
  expect((await fetch(url, { headers })).status).toBe(304);
  const wrong = await fetch(url, { method: "POST" });
  expect([wrong.status, (await wrong.json()).error.message]).toEqual([405, "Use GET"]);
});

Deno.test("the operator surface says that the gateway drains, and counts configs that were refused", async () => {
  const { gateway, url } = await start("shutdownDelay: 30s");
  await using _gateway = gateway;
  await gateway.write("  m: { process: 7 }\n", { server: "operator: 127.0.0.1:0" });
  await eventually(async () => {
    const text = await (await fetch(`${url}/metrics`)).text();
    return text.includes('vllm_autoscaler_config_reloads_total{outcome="failure"} 1');
  });
  expect((await fetch(`${url}/readyz`)).status).toBe(200);
  gateway.signal("SIGTERM");
  await eventually(async () => {
    const response = await fetch(`${url}/readyz`);
    await response.body?.cancel();
    return response.status === 503;
  });
  gateway.signal("SIGTERM");
  await gateway.status;
});

Deno.test("serve says what to do when the operator's port is taken, and leaves nothing running", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using gateway = await GatewayProcess.start(ENGINE, {
    server: `operator: 127.0.0.1:${taken.addr.port}`,
  });
  expect((await gateway.status).code).toBe(1);
  expect(gateway.text.join("\n")).toMatch(
    /Cannot listen on 127\.0\.0\.1:\d+: .*choose another server\.operator, or false/,
  );
});
