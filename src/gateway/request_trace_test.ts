import { expect } from "expect";
import { FakeTracer } from "../testing/fake_tracer.ts";
import { VirtualClock } from "../testing/virtual_clock.ts";
import { Overloaded } from "../activator/errors.ts";
import type { HttpRequest } from "../platform/http_client.ts";
import { Traces } from "./request_trace.ts";

function begin(path: string, { method = "POST", headers = {}, isAutomatic = false } = {}) {
  const tracer = new FakeTracer();
  tracer.isAutomatic = isAutomatic;
  const url = new URL(path, "http://gateway.test");
  const { signal } = new AbortController();
  const request = { method, url: url.href, headers: new Headers(headers), body: null, signal };
  const traces = new Traces(tracer, new VirtualClock());
  return { tracer, trace: traces.begin(request, url, url.pathname, "id"), signal };
}

Deno.test("a request's span is named by its route, and never by what clients make up", () => {
  const names = {
    "/v1/chat/completions": "POST /v1/chat/completions",
    "/embed/v1/embeddings": "POST /v1/embeddings",
    "/v1/audio/transcriptions": "POST /v1/audio/transcriptions",
    "/v1/messages/count_tokens": "POST /v1/messages/count_tokens",
    "/v1/responses/resp_4711/cancel": "POST /v1/responses/{id}/cancel",
    "/tokenize": "POST /tokenize",
    "/v2/rerank": "POST /v2/rerank",
    "/wp-login.php": "POST",
    "/v1/chat/completions/4711": "POST",
    "/": "POST",
  };
  for (const [path, name] of Object.entries(names)) {
    const { tracer: { spans: [span] } } = begin(path);
    expect([path, span!.name]).toEqual([path, name]);
    expect(span!.attributes["url.path"]).toBe(path);
  }
  const long = begin(`/${"x".repeat(5_000)}`).tracer.spans[0]!.attributes["url.path"];
  expect(String(long).length).toBe(256);
});

Deno.test("probes are not traced", () => {
  for (const path of ["/health", "/ping", "/version", "/readyz"]) {
    expect(begin(path, { method: "GET" }).trace).toBe(undefined);
  }
});

Deno.test("what goes upstream are our span and the client's state, if we go on with its trace", () => {
  const parent = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
  const headers = { traceparent: parent, tracestate: "x=1" };
  expect(begin("/v1/completions", { headers }).trace!.headers).toEqual([
    ["traceparent", `00-${"a".repeat(32)}-0000000000000001-01`],
    ["tracestate", "x=1"],
  ]);
  const malformed = begin("/v1/completions", { headers: { ...headers, traceparent: "no" } });
  expect(malformed.trace!.headers.map(([name]) => name)).toEqual(["traceparent"]);
});

// Deno writes its own behind whatever there is: an upstream had two.
Deno.test("where Deno's fetch sends, what goes upstream is Deno's span", async () => {
  const sentBy = async (url: string, isAutomatic: boolean) => {
    const { trace } = begin("/v1/completions", { isAutomatic });
    let sent: HttpRequest["headers"] = [];
    const send = trace!.within((_, { headers }) => {
      sent = headers;
      return Promise.resolve(new Response());
    });
    const { signal } = new AbortController();
    const headers: HttpRequest["headers"] = [["a", "b"], ...trace!.headers];
    await send(new URL(url), { method: "POST", headers, signal, redirect: "manual" });
    return sent.map(([name]) => name);
  };
  expect(await sentBy("https://engine.test", true)).toEqual(["a"]);
  expect(await sentBy("https://engine.test", false)).toEqual(["a", "traceparent"]);
  expect(await sentBy("http://engine.test", true)).toEqual(["a", "traceparent"]);
});

Deno.test("a wait says how it ended: admitted, refused and why, or left", async () => {
  const { tracer, trace, signal } = begin("/v1/completions");
  const permit = { endpoint: "http://e", coldStartMs: undefined, refused() {} };
  const given = { ...permit, [Symbol.dispose]() {} };
  expect(await trace!.wait("m", Promise.resolve(given), signal)).toBe(given);
  const full = new Overloaded("m", "No free slot");
  await expect(trace!.wait("m", Promise.reject(full), signal)).rejects.toBe(full);
  const gone = Promise.reject(new Error("secret"));
  await expect(trace!.wait("m", gone, AbortSignal.abort())).rejects.toThrow("secret");
  const waits = tracer.named("wait");
  expect(waits.map(({ attributes }) => attributes["vllm_autoscaler.outcome"])).toEqual([
    ...["admitted", "refused", "left"],
  ]);
  expect(waits.map(({ failure }) => failure)).toEqual([undefined, "No free slot", undefined]);
  expect(waits.every(({ ended, parent }) => ended && parent?.spanId === "0000000000000001")).toBe(
    true,
  );
});

Deno.test("a request's span fails by a status from 500, and by what a stream that was begun early says", () => {
  const outcome = { model: "m", code: undefined, coldStartMs: undefined };
  const failureOf = (status: number, code?: string) => {
    const { tracer, trace } = begin("/v1/completions");
    trace!.end({ ...outcome, status, code });
    const { failure, attributes, ended } = tracer.spans[0]!;
    expect([ended, attributes["http.response.status_code"]]).toEqual([true, status]);
    return [failure, attributes["error.type"]];
  };
  expect(failureOf(200)).toEqual([undefined, undefined]);
  expect(failureOf(404, "model_not_found")).toEqual([undefined, "model_not_found"]);
  expect(failureOf(500)).toEqual(["", "500"]);
  expect(failureOf(503, "overloaded")).toEqual(["overloaded", "overloaded"]);
  expect(failureOf(200, "cold_start_timeout")).toEqual([
    ...["cold_start_timeout", "cold_start_timeout"],
  ]);
});
