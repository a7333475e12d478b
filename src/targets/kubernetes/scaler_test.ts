/** The two commands against a fake API server, with somebody else at every step. */
import { expect } from "expect";
import { failure, FakeApiServer } from "../../testing/fake_api_server.ts";
import { SeededRandom } from "../../testing/seeded_random.ts";
import { VirtualClock } from "../../testing/virtual_clock.ts";
import { KubernetesApi } from "./api.ts";
import { type Scaled, Scaler } from "./scaler.ts";
import { selectorOf } from "./selector.ts";
import { REPLICAS_ANNOTATION, type WorkloadView } from "./views.ts";

const PATH = "/apis/apps/v1/namespaces/ai/deployments/vllm";
const never = new AbortController().signal;

function world(replicas: number, over: Partial<Scaler["options"]> = {}) {
  const clock = new VirtualClock(0, 0, 200);
  const server = new FakeApiServer();
  const put = (replicas: number, status = {}) =>
    server.put(PATH, { ...server.get(PATH), metadata: {}, spec: { replicas }, status });
  put(replicas);
  const access = {
    ...{ server: "https://api", fetch: server.fetch, namespace: "ai", origin: "test" },
    authorization: () => Promise.resolve(undefined),
  };
  const api = new KubernetesApi({ access, clock, random: new SeededRandom(1) });
  const scaler = new Scaler({
    ...{ api, clock, name: "deployment ai/vllm", path: PATH, resource: "deployments" },
    ...{ namespace: "ai", notesInStatus: true, replicas: undefined, ...over },
  });
  /** The outcome of a command, when all its waits are over. */
  async function outcome<T>(command: Promise<T>): Promise<T> {
    await clock.advance(30_000);
    return await command;
  }
  /** Does `what` once, before the first call whose path ends so. */
  function before(method: string, end: string, what: () => void): void {
    server.intercept = (call) => {
      if (call.method === method && call.path.endsWith(end)) {
        server.intercept = () => undefined;
        what();
      }
      return undefined;
    };
  }
  const writes = () =>
    server.calls.filter(({ method }) => method === "PATCH")
      .map(({ path }) => path.slice(PATH.length) || "/");
  return {
    clock,
    server,
    put,
    scaler,
    outcome,
    before,
    writes,
    replicas: () => server.get(PATH).spec.replicas,
  };
}

/** A sleep without anybody to ask. */
async function sleepAlone(scaler: Scaler, known?: WorkloadView): Promise<Scaled> {
  const seen = known ?? await scaler.see(never);
  if ("outcome" in seen) return seen;
  const announced = await scaler.announce(
    never,
    seen,
    { token: "t", by: "g", mode: "idle" },
    () => true,
  );
  return announced.outcome === "done" ? await scaler.zero(never, announced.workload) : announced;
}

Deno.test("Scaler notes the number on the way to zero, and wakes to it", async () => {
  const { scaler, outcome, server, writes, replicas } = world(3);
  expect(await outcome(sleepAlone(scaler))).toMatchObject({ outcome: "done" });
  expect([replicas(), writes()]).toEqual([0, ["/status", "/scale"]]);
  expect(server.get(PATH).metadata.annotations).toMatchObject({ [REPLICAS_ANNOTATION]: "3" });
  const woken = await outcome(scaler.wake(never));
  expect(woken).toMatchObject({ outcome: "done", workload: { desired: 3, generation: 3 } });
  expect(replicas()).toBe(3);
});

Deno.test("Scaler wakes to the configured number, else to one", async () => {
  for (const [configured, wanted] of [[4, 4], [undefined, 1]]) {
    const { scaler, outcome, replicas } = world(0, { replicas: configured });
    await outcome(scaler.wake(never));
    expect(replicas()).toBe(wanted);
  }
});

Deno.test("Scaler never writes over a number that is not zero when waking", async () => {
  const { scaler, outcome, writes, replicas } = world(2);
  expect(await outcome(scaler.wake(never))).toMatchObject({ workload: { desired: 2 } });
  expect([replicas(), writes()]).toEqual([2, []]);
});

Deno.test("Scaler begins a wake with what a watch knows, and without a read", async () => {
  const { scaler, outcome, server } = world(0);
  const seen = await outcome(scaler.read(never));
  const before = server.calls.length;
  await outcome(scaler.wake(never, seen));
  expect(server.calls.slice(before).map(({ method }) => method)).toEqual(["PATCH", "GET"]);
});

Deno.test("Scaler wakes also when what a watch knew has become old", async () => {
  const { scaler, outcome, put, replicas } = world(0);
  const seen = await outcome(scaler.read(never));
  put(1);
  put(0);
  expect(await outcome(scaler.wake(never, seen))).toMatchObject({ outcome: "done" });
  expect(replicas()).toBe(1);
});

Deno.test("Scaler that finds itself woken by somebody else leaves their number", async () => {
  const { scaler, outcome, put, before, replicas } = world(0);
  const seen = await outcome(scaler.read(never));
  before("PATCH", "/scale", () => put(5));
  const woken = await outcome(scaler.wake(never, seen));
  expect(woken).toMatchObject({ outcome: "done", workload: { desired: 5 } });
  expect(replicas()).toBe(5);
});

for (const end of ["/status", "/scale"]) {
  Deno.test(`Scaler gives way to a change that comes before its write of ${end}`, async () => {
    const { scaler, outcome, put, before, replicas } = world(1);
    before("PATCH", end, () => put(2));
    expect(await outcome(sleepAlone(scaler))).toEqual({ outcome: "conflict" });
    expect(replicas()).toBe(2);
  });
}

Deno.test("Scaler gives way to a change since the sleep was checked for", async () => {
  const { scaler, outcome, put, replicas } = world(1);
  const checked = await outcome(scaler.read(never));
  put(2);
  expect(await outcome(sleepAlone(scaler, checked))).toEqual({ outcome: "conflict" });
  expect(replicas()).toBe(2);
});

Deno.test("Scaler gives way to an object that was made anew", async () => {
  const { scaler, outcome, server, put, replicas } = world(1);
  const checked = await outcome(scaler.read(never));
  server.delete(PATH);
  put(1);
  expect(await outcome(sleepAlone(scaler, checked))).toEqual({ outcome: "conflict" });
  expect(replicas()).toBe(1);
});

Deno.test("Scaler does not give way to a controller that writes the status", async () => {
  const { scaler, outcome, put, before, replicas } = world(1);
  before("PATCH", "/scale", () => put(1, { readyReplicas: 1 }));
  expect(await outcome(sleepAlone(scaler))).toMatchObject({ outcome: "done" });
  expect(replicas()).toBe(0);
});

Deno.test("Scaler keeps its notes on the object of a kind whose status takes none", async () => {
  const { scaler, outcome, writes } = world(1, { notesInStatus: false });
  await outcome(sleepAlone(scaler));
  expect(writes()).toEqual(["/", "/scale"]);
});

Deno.test("Scaler believes a refusal that comes again, not one of a server that has just started", async () => {
  for (const [refusals, expected] of [[2, "done"], [9, "refused"]] as const) {
    const { scaler, outcome, server } = world(0);
    let left = refusals;
    server.intercept = ({ method }) =>
      method === "PATCH" && left-- > 0 ? failure(403, "Forbidden", "no patch") : undefined;
    const result = await outcome(scaler.wake(never));
    expect(result.outcome).toBe(expected);
    if (result.outcome !== "refused") continue;
    expect(result.failure).toMatchObject({ kind: "forbidden" });
    expect(result.failure.message).toMatch(/patch on deployments\/scale.*namespace ai.*no patch/);
  }
});

Deno.test("Scaler does not know what became of a write without an answer", async () => {
  const { scaler, outcome, server } = world(1);
  server.intercept = ({ path }) => {
    if (path.endsWith("/scale")) throw new TypeError("connection reset");
    return undefined;
  };
  expect(await outcome(sleepAlone(scaler))).toMatchObject({ outcome: "unanswered" });
});

Deno.test("Scaler says that there is nothing to scale", async () => {
  const { scaler, outcome, server } = world(1);
  server.delete(PATH);
  for (const command of [scaler.wake(never), sleepAlone(scaler)]) {
    const failure = {
      kind: "missing",
      message: "deployment ai/vllm does not exist: make it, or correct its name in the config",
    };
    expect(await outcome(command)).toEqual({ outcome: "refused", failure });
  }
});

for (
  const [text, selector] of [
    ["app=m", { app: "m" }],
    ["app==m,role=engine", { app: "m", role: "engine" }],
    ["app=", { app: "" }],
    ["app in (m,n)", {}],
    ["app=m,role!=router", {}],
    ["app=m,gpu", {}],
    ["", {}],
    [undefined, {}],
  ] as const
) {
  Deno.test(`selectorOf() takes equalities, or nothing: ${text}`, () => {
    expect(selectorOf(text)).toEqual(selector);
  });
}
