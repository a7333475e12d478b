import { expect } from "expect";
import type { FetchOptions } from "../../platform/fetch.ts";
import { VirtualClock } from "../../testing/virtual_clock.ts";
import { inCluster } from "./cluster_access.ts";

function world(env: Record<string, string>, texts: Record<string, string>) {
  const clock = new VirtualClock();
  const connected: FetchOptions[] = [];
  const access = () =>
    inCluster({
      ...{ env: (name) => env[name], clock, dir: "/sa" },
      files: {
        readText: (path) =>
          texts[path] === undefined
            ? Promise.reject(new Error(`${path} is not there`))
            : Promise.resolve(texts[path]),
        watchDirectory: () => ({ [Symbol.dispose]() {} }),
      },
      createFetch: (options = {}) => {
        connected.push(options);
        return () => Promise.resolve(new Response());
      },
    });
  return { clock, connected, access };
}

const POD = { KUBERNETES_SERVICE_HOST: "10.96.0.1", KUBERNETES_SERVICE_PORT: "443" };
const MOUNTED = { "/sa/ca.crt": "ca\n", "/sa/namespace": "ai\n", "/sa/token": "first\n" };

Deno.test("inCluster() is the pod's service account", async () => {
  const { access, connected } = world(POD, MOUNTED);
  const found = (await access())!;
  expect(found).toMatchObject({ server: "https://10.96.0.1:443", namespace: "ai" });
  expect(await found.authorization()).toBe("Bearer first");
  expect(connected).toEqual([{ caCerts: ["ca"] }]);
});

Deno.test("inCluster() puts an IPv6 address into brackets", async () => {
  const { access } = world({ ...POD, KUBERNETES_SERVICE_HOST: "fd00::1" }, MOUNTED);
  expect((await access())!.server).toBe("https://[fd00::1]:443");
});

Deno.test("inCluster() finds nothing where there is no pod", async () => {
  expect(await world({}, MOUNTED).access()).toBe(undefined);
});

Deno.test("inCluster() says what a pod without a token lacks", async () => {
  const { access } = world(POD, { ...MOUNTED, "/sa/token": undefined! });
  await expect(access()).rejects.toThrow(/no service account to show: .*automount/);
});

Deno.test("inCluster() reads a rotated token after a while, or at once after a 401", async () => {
  const texts = { ...MOUNTED };
  const { access, clock } = world(POD, texts);
  const { authorization } = (await access())!;
  texts["/sa/token"] = "second";
  expect(await authorization()).toBe("Bearer first");
  expect(await authorization(true)).toBe("Bearer second");
  texts["/sa/token"] = "third";
  await clock.advance(29_000);
  expect(await authorization()).toBe("Bearer second");
  await clock.advance(1_000);
  expect(await authorization()).toBe("Bearer third");
});

Deno.test("inCluster() keeps its token while the volume is swapped", async () => {
  const texts: Record<string, string> = { ...MOUNTED };
  const { access } = world(POD, texts);
  const { authorization } = (await access())!;
  delete texts["/sa/token"];
  expect(await authorization(true)).toBe("Bearer first");
});
