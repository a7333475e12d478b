/** Whose pods are kept and told, over a fake API server in virtual time. */
import { expect } from "expect";
import { silentLog as log } from "../../telemetry/log.ts";
import { FakeApiServer } from "../../testing/fake_api_server.ts";
import { SeededRandom } from "../../testing/seeded_random.ts";
import { VirtualClock } from "../../testing/virtual_clock.ts";
import { KubernetesApi } from "./api.ts";
import { PodWatch } from "./pod_watch.ts";
import { type EventView, EventWatch } from "./wake_events.ts";

function world() {
  const clock = new VirtualClock();
  const random = new SeededRandom(1);
  const server = new FakeApiServer();
  const access = {
    ...{ server: "https://api", fetch: server.fetch, namespace: "ai", origin: "test" },
    authorization: () => Promise.resolve(undefined),
  };
  const tools = { api: new KubernetesApi({ access, clock, random }), clock, random, log };
  const put = (name: string, labels: Record<string, string>) =>
    server.put(`/api/v1/namespaces/ai/pods/${name}`, { metadata: { labels }, status: {} });
  /** Streams take many turns. */
  const pass = async () => {
    for (let i = 0; i < 10; i++) await clock.advance(100);
  };
  return { clock, server, tools, put, pass };
}

Deno.test("PodWatch keeps the pods that somebody listens for, and tells of those only", async () => {
  const { server, tools, put, pass } = world();
  put("a-1", { app: "a", tier: "gpu" });
  put("b-1", { app: "b" });
  const watch = new PodWatch(tools, "ai");
  await pass();
  expect(watch.reflector.size).toBe(0);
  let told = 0;
  const listening = watch.listen({ app: "a", tier: "gpu" }, () => told++);
  await pass();
  expect(listening.pods().map(({ name }) => name)).toEqual(["a-1"]);
  const before = told;
  for (let i = 0; i < 50; i++) put(`x-${i}`, { app: "x" });
  put("a-2", { app: "a", tier: "cpu" });
  await pass();
  expect([watch.reflector.size, told]).toEqual([1, before]);
  put("a-3", { app: "a", tier: "gpu" });
  server.delete("/api/v1/namespaces/ai/pods/a-1");
  await pass();
  expect(listening.pods().map(({ name }) => name)).toEqual(["a-3"]);
  expect(told).toBeGreaterThan(before);
  listening[Symbol.dispose]();
  await watch.reflector.close();
});

Deno.test("PodWatch gives two listeners their own pods, and a pod that changes hands to the other", async () => {
  const { tools, put, pass } = world();
  const watch = new PodWatch(tools, "ai");
  const [a, b] = ["a", "b"].map((app) => watch.listen({ app }, () => {}));
  put("p", { app: "a" });
  await pass();
  expect([a!.pods().length, b!.pods().length]).toEqual([1, 0]);
  put("p", { app: "b" });
  await pass();
  expect([a!.pods().length, b!.pods().length]).toEqual([0, 1]);
  await watch.reflector.close();
});

Deno.test("EventWatch tells what comes from now on, to whom it may concern, and keeps none", async () => {
  const { server, tools, pass } = world();
  const put = (name: string, of: string) =>
    server.put(`/api/v1/namespaces/ai/events/${name}`, {
      ...{ metadata: {}, type: "Warning", reason: "FailedMount", message: name },
      involvedObject: { kind: "Pod", name: of, uid: "uid" },
    });
  put("old", "vllm-5d4f-x8");
  const watch = new EventWatch(tools, "ai");
  const heard: EventView[] = [];
  watch.listen("vllm", (event) => heard.push(event));
  await pass();
  put("new", "vllm-5d4f-x8");
  put("other", "vllmx-5d4f-x8");
  put("itself", "vllm");
  await pass();
  expect(heard.map(({ message }) => message)).toEqual(["new", "itself"]);
  expect(watch.reflector.size).toBe(0);
  await watch.reflector.close();
});
