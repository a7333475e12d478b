import { expect } from "expect";
import { examineProbes } from "./examine_ports.ts";
import type { Container } from "./pod_template.ts";
import { recognise } from "./recognise.ts";

const PORTS = [{ name: "http", containerPort: 8000 }];
const VLLM = ["vllm", "serve", "m"];

const PROBES: [string, Partial<Container>, string | undefined][] = [
  [
    "a port that is there",
    { readinessProbe: { httpGet: { port: 8000 } }, ports: PORTS },
    undefined,
  ],
  [
    "a name that is there",
    { readinessProbe: { httpGet: { port: "http" } }, ports: PORTS },
    undefined,
  ],
  [
    "a name that is not",
    { readinessProbe: { httpGet: { port: "api" } }, ports: PORTS },
    "error the readinessProbe of container engine asks port api, which no container has; " +
    "names of ports: http",
  ],
  [
    "a port that is not named",
    { readinessProbe: { tcpSocket: { port: 8001 } }, ports: PORTS },
    "warn the readinessProbe of container engine asks port 8001, but the containers name 8000 only",
  ],
  ["no port that is named at all", { readinessProbe: { httpGet: { port: 1 } } }, undefined],
  [
    "another port than the command line's",
    { readinessProbe: { httpGet: { port: 8001 } }, command: [...VLLM, "--port", "9000"] },
    "error the readinessProbe of container engine asks port 8001, but the engine listens on 9000",
  ],
  [
    "another port than the default, which may be a mistake of ours",
    { readinessProbe: { httpGet: { port: 8001 } }, command: VLLM },
    undefined,
  ],
  ["no probe", {}, undefined],
];

for (const [what, container, words] of PROBES) {
  Deno.test(`examineProbes() sees ${what}`, () => {
    const containers = [{ name: "engine", ...container }];
    const [finding] = examineProbes(containers, recognise({ spec: { containers } }));
    expect(finding && `${finding.level} ${finding.text}`).toBe(words);
  });
}
