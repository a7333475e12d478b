import { expect } from "expect";
import { examineService, type ServiceObject } from "./examine_service.ts";

const METADATA = { name: "a", uid: "1", resourceVersion: "1" };
const PLACE = { service: "a", namespace: "ai", port: undefined };
const PODS = {
  namespace: "ai",
  template: {
    metadata: { labels: { app: "a", tier: "engine" } },
    spec: { containers: [{ name: "engine", ports: [{ name: "http", containerPort: 8000 }] }] },
  },
};
const SPEC = { selector: { app: "a" }, ports: [{ name: "web", port: 80, targetPort: "http" }] };

/** What is found of a Service with `spec`. */
function found(
  spec: ServiceObject["spec"] | undefined,
  place: Partial<Parameters<typeof examineService>[0]> = {},
): string {
  const service = spec && { metadata: METADATA, spec };
  const [finding, ...more] = examineService({ ...PLACE, ...place }, service ? [service] : [], PODS);
  expect(more).toEqual([]);
  return `${finding!.level}: ${finding!.text}`;
}

Deno.test("examineService() is content with a Service that leads to its pods", () => {
  const ok = "ok: service ai/a port 80 leads to its pods";
  for (const port of [undefined, 80, "web"]) expect(found(SPEC, { port })).toBe(ok);
  expect(found({ ...SPEC, ports: [{ port: 80, targetPort: 8000 }] })).toBe(ok);
});

Deno.test("examineService() says what is wrong with a Service", () => {
  expect(found(undefined)).toBe("error: service ai/a does not exist");
  expect(found(SPEC, { port: 8080 })).toBe(
    "error: service ai/a has no port 8080; its ports: 80 (web)",
  );
  expect(found({ ...SPEC, ports: [] })).toMatch(/^error: service ai\/a has no port/);
  expect(found({ ...SPEC, selector: { app: "b", gpu: "yes", tier: "engine" } })).toBe(
    "error: service ai/a selects app=b, gpu=yes, the pods have app=a, no gpu: " +
      "it never leads to them",
  );
  expect(found({ ...SPEC, ports: [{ port: 80, targetPort: "api" }] })).toBe(
    "error: service ai/a leads to port 'api', which no container has; names of ports: http",
  );
  expect(found({ type: "ExternalName" })).toMatch(/^error: .*ExternalName/);
  expect(found(SPEC, { namespace: "edge" })).toBe(
    "error: service edge/a cannot lead to pods in namespace ai",
  );
  expect(found({ ports: SPEC.ports })).toMatch(/^warn: service ai\/a has no selector/);
});

Deno.test("examineService() does not judge by pods that nobody knows", () => {
  const spec = { ...SPEC, selector: { app: "b" } };
  const unknown = examineService(PLACE, [{ metadata: METADATA, spec }], undefined);
  expect(unknown).toMatchObject([{ level: "ok" }]);
});

Deno.test("examineService() names the Service that leads there, if the config names another", () => {
  const service = { metadata: { ...METADATA, name: "web" }, spec: SPEC };
  expect(examineService(PLACE, [service], PODS)).toEqual([{
    ...{ level: "error", text: "service ai/a does not exist" },
    remedy: "write `service: ai/web`, which leads to its pods",
  }]);
  const container = { name: "engine", command: ["vllm", "serve", "m"] };
  const template = { ...PODS.template, spec: { containers: [container] } };
  const ports = [{ port: 9000 }, { port: 80, targetPort: 8000 }];
  const [finding] = examineService(PLACE, [{ ...service, spec: { ...SPEC, ports } }], {
    ...{ ...PODS, template },
  });
  expect(finding!.remedy).toBe("write `service: ai/web:80`, which leads to its pods");
});

Deno.test("examineService() sees a targetPort on which nobody listens", () => {
  const spec = { ...SPEC, ports: [{ port: 80, targetPort: 8001 }] };
  expect(found(spec)).toBe(
    "warn: service ai/a leads to port 8001, but the containers name 8000 only",
  );
  const container = { name: "engine", command: ["vllm", "serve", "m", "--port", "8000"] };
  const template = { ...PODS.template, spec: { containers: [container] } };
  const [finding] = examineService(PLACE, [{ metadata: METADATA, spec }], { ...PODS, template });
  expect(`${finding!.level}: ${finding!.text}`).toBe(
    "error: service ai/a leads to port 8001, but the engine listens on 8000",
  );
});
