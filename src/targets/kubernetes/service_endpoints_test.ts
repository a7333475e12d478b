import { expect } from "expect";
import { serviceEndpoints, serviceFault } from "./service_endpoints.ts";
import { serviceView, sliceView } from "./views.ts";

const SERVICE = serviceView({
  metadata: { name: "vllm", uid: "1", resourceVersion: "1" },
  spec: { ports: [{ name: "http", port: 80 }, { name: "metrics", port: 9090 }] },
} as never);

function slice(endpoints: unknown[], over: Record<string, unknown> = {}) {
  return sliceView({
    metadata: {
      ...{ name: "vllm-x", uid: "2", resourceVersion: "1" },
      labels: { "kubernetes.io/service-name": "vllm" },
    },
    ports: [{ name: "metrics", port: 8001 }, { name: "http", port: 8000 }],
    endpoints,
    ...over,
  } as never)!;
}

const endpoint = (address: string, conditions: Record<string, boolean> = { ready: true }) => ({
  ...{ addresses: [address], conditions },
  targetRef: { kind: "Pod", uid: `uid-${address}`, name: "p" },
});

const TABLE: [string, unknown[], number | string | undefined, string[]][] = [
  ["the Service's first port, at the pod's number", [endpoint("10.0.0.1")], undefined, [
    "http://10.0.0.1:8000",
  ]],
  ["a port by the Service's number", [endpoint("10.0.0.1")], 9090, ["http://10.0.0.1:8001"]],
  ["a port by name", [endpoint("10.0.0.1")], "metrics", ["http://10.0.0.1:8001"]],
  ["no port that the Service has not", [endpoint("10.0.0.1")], 8000, []],
  ["what is not ready", [endpoint("10.0.0.1", { ready: false })], undefined, []],
  [
    "what is terminating, whatever else it says",
    [
      endpoint("10.0.0.1", { ready: true, serving: true, terminating: true }),
    ],
    undefined,
    [],
  ],
  ["what says nothing as ready", [endpoint("10.0.0.1", {})], undefined, ["http://10.0.0.1:8000"]],
  ["IPv6", [endpoint("fd00::1")], undefined, ["http://[fd00::1]:8000"]],
  ["several", [endpoint("10.0.0.1"), endpoint("10.0.0.2")], undefined, [
    "http://10.0.0.1:8000",
    "http://10.0.0.2:8000",
  ]],
];

for (const [what, endpoints, port, urls] of TABLE) {
  Deno.test(`serviceEndpoints() takes ${what}`, () => {
    expect(serviceEndpoints(SERVICE, [slice(endpoints)], port).map(({ url }) => url)).toEqual(urls);
  });
}

Deno.test("serviceEndpoints() has none without the Service, and knows whose pod each is", () => {
  expect(serviceEndpoints(undefined, [slice([endpoint("10.0.0.1")])], undefined)).toEqual([]);
  const [only] = serviceEndpoints(SERVICE, [slice([endpoint("10.0.0.1")])], undefined);
  expect(only?.pod).toBe("uid-10.0.0.1");
});

Deno.test("serviceFault() names the Service that is not there, and the ports of one that is", () => {
  const of = { service: "vllm", namespace: "ai", port: "grpc" };
  expect(serviceFault(of, undefined)?.fact).toBe("service ai/vllm does not exist");
  const service = { ports: [{ name: "http", port: 80 }, { name: "", port: 81 }] };
  expect(serviceFault(of, service)?.fact).toBe(
    "service ai/vllm has no port grpc; its ports: 80 (http), 81",
  );
  expect(serviceFault({ ...of, port: 81 }, service)).toBe(undefined);
  expect(serviceFault({ ...of, port: undefined }, { ports: [] })?.fact).toMatch(
    /no port;.*none/,
  );
});
