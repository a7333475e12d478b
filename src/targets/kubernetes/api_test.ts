import { expect } from "expect";
import { failure, FakeApiServer } from "../../testing/fake_api_server.ts";
import { SeededRandom } from "../../testing/seeded_random.ts";
import { settle, VirtualClock } from "../../testing/virtual_clock.ts";
import { ApiError, type ApiRequest, ApiUnreachable, KubernetesApi, MERGE_PATCH } from "./api.ts";

const PATH = "/apis/apps/v1/namespaces/ai/deployments/a";
const SCALE: ApiRequest = {
  ...{ verb: "patch", method: "PATCH", path: `${PATH}/scale`, contentType: MERGE_PATCH },
  body: { spec: { replicas: 1 } },
};

function world() {
  const clock = new VirtualClock();
  const server = new FakeApiServer();
  server.put(PATH, { metadata: {}, spec: { replicas: 0 } });
  const renewed: boolean[] = [];
  const api = new KubernetesApi({
    access: {
      ...{ server: "https://api", fetch: server.fetch, namespace: "ai", origin: "test" },
      authorization(renew = false) {
        renewed.push(renew);
        return Promise.resolve(`Bearer ${renew ? "new" : "old"}`);
      },
    },
    clock,
    random: new SeededRandom(1),
  });
  /** The outcome of a call after `ms` of virtual time. */
  async function outcome<T>(call: Promise<T>, ms = 20_000): Promise<T | Error> {
    const caught = call.catch((error: Error) => error);
    await clock.advance(ms);
    expect(clock.timers).toBe(0);
    return await caught;
  }
  return { clock, server, api, renewed, outcome };
}

const GET: ApiRequest = { verb: "get", path: PATH };

Deno.test("KubernetesApi shows its token, and a new one once when the old one is refused", async () => {
  const { server, api, renewed, outcome } = world();
  server.intercept = ({ headers }) =>
    headers.get("authorization") === "Bearer new"
      ? undefined
      : failure(401, "Unauthorized", "Unauthorized");
  expect(await outcome(api.call(GET))).toMatchObject({ spec: { replicas: 0 } });
  expect(renewed).toEqual([false, true]);
});

Deno.test("KubernetesApi tells the API server's own words", async () => {
  const { server, api, outcome } = world();
  server.intercept = () => failure(403, "Forbidden", 'deployments "a" is forbidden');
  const error = await outcome(api.call(GET));
  expect(error).toBeInstanceOf(ApiError);
  expect(error).toMatchObject({
    status: 403,
    reason: "Forbidden",
    message: 'deployments "a" is forbidden',
  });
  expect(server.calls).toHaveLength(1);
});

for (
  const [what, status, request, tries] of [
    ["a read after a failure", 503, GET, 4],
    ["a read after 429", 429, GET, 4],
    ["a change after 429, which was not begun", 429, SCALE, 4],
    ["no change after a failure: it may have been made", 503, SCALE, 1],
    ["nothing after 404", 404, GET, 1],
  ] as const
) {
  Deno.test(`KubernetesApi tries again ${what}`, async () => {
    const { server, api, outcome } = world();
    server.intercept = () => failure(status, "", "no");
    expect(await outcome(api.call(request))).toBeInstanceOf(Error);
    expect(server.calls).toHaveLength(tries);
  });
}

Deno.test("KubernetesApi waits for as long as the API server asks for", async () => {
  const { clock, server, api } = world();
  server.intercept = ({ path }) =>
    server.calls.length === 1
      ? failure(429, "TooManyRequests", path, { "retry-after": "3" })
      : undefined;
  const call = api.call(GET);
  await clock.advance(2_900);
  expect(server.calls).toHaveLength(1);
  await clock.advance(200);
  expect(await call).toMatchObject({ spec: { replicas: 0 } });
});

Deno.test("KubernetesApi gives up on a server that does not answer", async () => {
  const { clock, server, api } = world();
  server.intercept = () => new Promise<Response>(() => {});
  const call = api.call(GET).catch((error: Error) => error);
  await clock.advance(10_000);
  expect(await Promise.race([call, settle(50).then(() => "still waiting")]))
    .toBeInstanceOf(ApiUnreachable);
});

Deno.test("KubernetesApi takes a page that is no API server's for no answer", async () => {
  const { server, api, outcome } = world();
  server.intercept = () => new Response("<html>", { status: 200 });
  expect(await outcome(api.call(GET))).toBeInstanceOf(ApiUnreachable);
});

Deno.test("KubernetesApi keeps sixteen calls under way, and no more", async () => {
  const { clock, server, api } = world();
  let open = 0, most = 0;
  const answers: (() => void)[] = [];
  server.intercept = () => {
    most = Math.max(most, ++open);
    return new Promise((resolve) =>
      answers.push(() => {
        open--;
        resolve(Response.json({}));
      })
    );
  };
  const calls = Array.from({ length: 100 }, () => api.call(GET));
  let done = false;
  Promise.all(calls).then(() => done = true);
  for (let i = 0; i < 200 && !done; i++) {
    await clock.advance(0);
    answers.shift()?.();
  }
  await settle(50);
  expect([done, most]).toEqual([true, 16]);
});

// Over TLS about one body in 500 whose request was aborted in its midst never told its reader (Deno 2.9.6): the call
// waited for ever, and held one of the few that may be under way.
Deno.test("KubernetesApi gives up a body that does not end when it is aborted, and its slot", async () => {
  const { clock, server, api, outcome } = world();
  const deaf = () => new Response(new ReadableStream({ start: (stream) => stream.enqueue(BRACE) }));
  server.intercept = deaf;
  const calls = Array.from({ length: 40 }, () => api.call(GET).catch((error: Error) => error));
  await clock.advance(60_000);
  expect((await Promise.all(calls)).every((error) => error instanceof ApiUnreachable)).toBe(true);
  const left = new AbortController();
  const leaving = api.call({ ...GET, signal: left.signal }).catch((error: Error) => error.message);
  await clock.advance(100);
  left.abort(new Error("left"));
  expect(await leaving).toBe("left");
  server.intercept = () => undefined;
  expect(await outcome(api.call(GET))).toMatchObject({ spec: { replicas: 0 } });
});

const BRACE = new TextEncoder().encode("{");
