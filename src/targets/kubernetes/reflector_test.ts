/** Lists and watches over a fake API server, in virtual time. */
import { expect } from "expect";
import { createLog } from "../../telemetry/log.ts";
import { failure, FakeApiServer } from "../../testing/fake_api_server.ts";
import { SeededRandom } from "../../testing/seeded_random.ts";
import { VirtualClock } from "../../testing/virtual_clock.ts";
import { KubernetesApi } from "./api.ts";
import { Reflector } from "./reflector.ts";

const LIST = "/apis/apps/v1/namespaces/ai/deployments";
const item = (replicas: number) => ({ metadata: {}, spec: { replicas } });

async function world(tune: (server: FakeApiServer) => void = () => {}, options = {}) {
  const clock = new VirtualClock();
  const random = new SeededRandom(1);
  const server = new FakeApiServer();
  server.put(`${LIST}/a`, item(0));
  tune(server);
  const lines: string[] = [];
  const news: string[] = [];
  const contact: boolean[] = [];
  const api = new KubernetesApi({
    access: {
      ...{ server: "https://api", fetch: server.fetch, namespace: "ai", origin: "test" },
      authorization: () => Promise.resolve(undefined),
    },
    clock,
    random,
  });
  const reflector = new Reflector<number>({
    ...{ api, clock, random, path: LIST },
    log: createLog({ level: "info", format: "text", clock, write: (line) => lines.push(line) }),
    // deno-lint-ignore no-explicit-any
    pick: (object) => (object as any).spec.ignored ? undefined : (object as any).spec.replicas,
    onChange: (name, replicas) => news.push(`${name} ${replicas}`),
    onContact: () => contact.push(reflector.isFresh),
    ...options,
  });
  await clock.advance(1);
  const watches = () => server.calls.filter(({ query }) => query.get("watch"));
  const lists = () => server.calls.length - watches().length;
  return { clock, server, reflector, news, contact, lines, watches, lists };
}

Deno.test("Reflector lists, then tells what changes", async () => {
  const { clock, server, reflector, news, lists, watches } = await world();
  expect([reflector.isFresh, reflector.get("a")]).toEqual([true, 0]);
  server.put(`${LIST}/b`, item(2));
  server.put(`${LIST}/a`, item(1));
  server.delete(`${LIST}/b`);
  await clock.advance(1);
  expect(news).toEqual(["a 0", "b 2", "a 1", "b undefined"]);
  expect([lists(), watches().length]).toEqual([1, 1]);
  await reflector.close();
  expect(clock.timers).toBe(0);
});

Deno.test("Reflector asks only for objects with its labels", async () => {
  const labels = { app: "a", tier: "b" };
  const tune = (server: FakeApiServer) => {
    server.put(`${LIST}/b`, { metadata: { labels }, spec: { replicas: 1 } });
  };
  const { clock, server, reflector, news } = await world(tune, { labels: "app=a,tier=b" });
  server.put(`${LIST}/a`, item(3));
  server.put(`${LIST}/b`, { metadata: { labels }, spec: { replicas: 2 } });
  await clock.advance(1);
  expect(news).toEqual(["b 1", "b 2"]);
  await reflector.close();
});

Deno.test("Reflector keeps nothing of what it was not asked to keep", async () => {
  const { clock, server, reflector, news } = await world();
  for (let i = 0; i < 50; i++) {
    server.put(`${LIST}/x${i}`, { metadata: {}, spec: { replicas: 1, ignored: true } });
  }
  await clock.advance(1);
  expect([reflector.size, news]).toEqual([1, ["a 0"]]);
  await reflector.close();
});

Deno.test("Reflector resumes where the watch ended, without a list", async () => {
  const { clock, server, reflector, lists, watches } = await world();
  server.bookmark();
  await clock.advance(1);
  server.endWatches("end");
  server.put(`${LIST}/a`, item(5));
  await clock.advance(1_000);
  expect([reflector.get("a"), lists(), watches().length]).toEqual([5, 1, 2]);
  expect(reflector.isFresh).toBe(true);
  await reflector.close();
});

Deno.test("Reflector resumes after a broken connection, says so, and misses nothing", async () => {
  const { clock, server, reflector, contact, lines, lists } = await world();
  server.endWatches("break");
  await clock.advance(0);
  expect(reflector.isFresh).toBe(false);
  server.put(`${LIST}/a`, item(7));
  await clock.advance(2_000);
  expect([reflector.get("a"), reflector.isFresh, lists()]).toEqual([7, true, 1]);
  expect(contact).toEqual([true, true, false, true]);
  expect(lines.join("\n")).toMatch(/watch lost/);
  await reflector.close();
});

Deno.test("Reflector lists again when what it knew has expired, and drops what went meanwhile", async () => {
  const { clock, server, reflector, news, lists } = await world((server) => {
    server.put(`${LIST}/b`, item(1));
  });
  server.endWatches("end");
  server.delete(`${LIST}/b`);
  server.compact();
  // Streams take many turns: let them have some between the moments of virtual time.
  for (let i = 0; i < 20; i++) await clock.advance(100);
  expect([reflector.get("b"), lists(), news.at(-1)]).toEqual([undefined, 2, "b undefined"]);
  expect(reflector.isFresh).toBe(true);
  await reflector.close();
});

Deno.test("Reflector takes a watch that says nothing for too long for dead", async () => {
  const { clock, server, reflector, watches } = await world();
  server.bookmark();
  await clock.advance(149_000);
  expect(watches().length).toBe(1);
  server.bookmark();
  await clock.advance(149_000);
  expect(watches().length).toBe(1);
  await clock.advance(5_000);
  expect([watches().length, reflector.isFresh]).toEqual([2, true]);
  await reflector.close();
});

Deno.test("Reflector waits longer and longer while nobody answers, and goes on by itself", async () => {
  const { clock, server, reflector, watches } = await world();
  let down = true;
  server.intercept = () => {
    if (down) throw new TypeError("connection refused");
    return undefined;
  };
  server.endWatches("break");
  await clock.advance(600_000);
  const tries = watches().length;
  expect(tries).toBeGreaterThan(10);
  expect(tries).toBeLessThan(80);
  expect([reflector.isFresh, reflector.get("a")]).toEqual([false, 0]);
  down = false;
  server.put(`${LIST}/a`, item(3));
  await clock.advance(60_000);
  expect([reflector.isFresh, reflector.get("a")]).toEqual([true, 3]);
  await reflector.close();
});

Deno.test("Reflector that was never listed is not empty, but not fresh", async () => {
  const { clock, reflector } = await world((server) => {
    server.intercept = () => failure(403, "Forbidden", "deployments is forbidden");
  });
  await clock.advance(10_000);
  expect([reflector.isListed, reflector.isFresh]).toEqual([false, false]);
  expect(reflector.trouble).toBe("deployments is forbidden");
  await reflector.close();
});

Deno.test("Reflector believes a refusal that lasts, says so once, and recovers unaided", async () => {
  let refuses = true;
  const { clock, server, reflector, contact } = await world((server) => {
    server.intercept = () =>
      refuses ? failure(403, "Forbidden", "deployments is forbidden") : undefined;
  });
  await clock.advance(1_000);
  expect(reflector.refusal).toBe(undefined);
  await clock.advance(20_000);
  expect(reflector.refusal).toBe("deployments is forbidden");
  expect(contact).toEqual([false]);
  refuses = false;
  await clock.advance(60_000);
  expect([reflector.refusal, reflector.isFresh, reflector.get("a")]).toEqual([undefined, true, 0]);
  expect(server.calls.length).toBeLessThan(15);
  await reflector.close();
});

Deno.test("Reflector that may list and not watch believes it, and says so once", async () => {
  let refuses = true;
  const { clock, server, reflector, contact } = await world((server) => {
    server.intercept = ({ query }) =>
      refuses && query.get("watch")
        ? failure(403, "Forbidden", "cannot watch deployments")
        : undefined;
  });
  await clock.advance(20_000);
  expect([reflector.isListed, reflector.refusal]).toEqual([true, "cannot watch deployments"]);
  refuses = false;
  await clock.advance(60_000);
  expect([reflector.refusal, reflector.isFresh, contact.at(-1)]).toEqual([undefined, true, true]);
  expect(server.calls.length).toBeLessThan(25);
  await reflector.close();
});

Deno.test("Reflector does not spin on a proxy that ends every watch at once", async () => {
  const { clock, server, reflector, watches } = await world();
  server.intercept = ({ query }) => query.get("watch") ? new Response("") : undefined;
  server.endWatches("end");
  await clock.advance(60_000);
  expect(watches().length).toBeGreaterThan(3);
  expect(watches().length).toBeLessThan(20);
  expect(reflector.trouble).toMatch(/ended as soon as it began/);
  await reflector.close();
});

Deno.test("Reflector does not spin on a server whose every watch has expired", async () => {
  const { clock, server, reflector, lists } = await world();
  const expired = { type: "ERROR", object: { kind: "Status", code: 410, message: "too old" } };
  server.intercept = ({ query }) =>
    query.get("watch") ? new Response(`${JSON.stringify(expired)}\n`) : undefined;
  server.endWatches("end");
  for (let i = 0; i < 600; i++) await clock.advance(100);
  expect(lists()).toBeGreaterThan(3);
  expect(lists()).toBeLessThan(20);
  await reflector.close();
});

Deno.test("Reflector tries at once when somebody else heard of the API server", async () => {
  const { clock, server, reflector } = await world();
  let down = true;
  server.intercept = () => {
    if (down) throw new TypeError("connection refused");
    return undefined;
  };
  server.endWatches("break");
  await clock.advance(120_000);
  down = false;
  reflector.retryNow();
  await clock.advance(1);
  expect(reflector.isFresh).toBe(true);
  await reflector.close();
});

Deno.test("Reflector does not take a slow trickle for silence", async () => {
  const { clock, server, reflector, watches } = await world();
  const event = { type: "MODIFIED", object: { ...server.get(`${LIST}/a`), ...item(9) } };
  event.object.metadata = { ...server.get(`${LIST}/a`).metadata, resourceVersion: "900" };
  const line = new TextEncoder().encode(`${JSON.stringify(event)}\n`);
  let at = 0;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      await new Promise<void>((next) => void clock.timer(100_000, next));
      controller.enqueue(line.subarray(at, at += 40));
      if (at >= line.length) controller.close();
    },
  }, { highWaterMark: 0 });
  server.intercept = ({ query }) => {
    server.intercept = () => undefined;
    expect(query.get("watch")).toBe("1");
    return new Response(body);
  };
  server.endWatches("end");
  for (let i = 0; i < 200 && at < line.length; i++) await clock.advance(10_000);
  await clock.advance(10_000);
  expect([reflector.get("a"), watches().length]).toEqual([9, 3]);
  await reflector.close();
});
