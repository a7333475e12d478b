import { expect } from "expect";
import { commandFor, placeOf } from "./place.ts";

const tcp = { connect: () => Promise.reject(new Error("asked")), freePort: () => 20_001 };

Deno.test("placeOf() takes a free port, or the one of a fixed upstream", () => {
  const free = { port: 20_001, fixed: undefined };
  expect(placeOf(undefined, tcp)).toEqual({ ...free, endpoint: "http://127.0.0.1:20001" });
  expect(placeOf("http://localhost:${PORT}/v", tcp)).toEqual({
    ...free,
    endpoint: "http://localhost:20001/v",
  });
  const cases = [
    ["http://localhost:8000/v", 8000, "localhost"],
    ["http://[::1]:8000", 8000, "::1"],
    ["http://engine", 80, "engine"],
    ["https://engine", 443, "engine"],
  ] as const;
  for (const [endpoint, port, hostname] of cases) {
    expect(placeOf(endpoint, tcp)).toEqual({ port, endpoint, fixed: { hostname } });
  }
});

Deno.test("commandFor() puts the port everywhere it is named, and nowhere else", () => {
  const process = {
    kind: "process",
    command: ["vllm", "--port=${PORT}", "${PORT}${PORT}", "$PORT"],
    env: { URL: "http://127.0.0.1:${PORT}", PORTS: "1" },
    cwd: "/",
    stopGraceMs: 0,
  } as const;
  expect(commandFor(process, 81)).toEqual({
    command: ["vllm", "--port=81", "8181", "$PORT"],
    env: { URL: "http://127.0.0.1:81", PORTS: "1" },
  });
});
