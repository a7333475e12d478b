import { expect } from "expect";
import { arrivedCount, servedOf } from "./upstream_log.ts";

const lines = (...messages: string[]) =>
  messages.map((msg) => ({ time: "", level: "info", msg, model: "m" }));

Deno.test("servedOf() tells how often a request came, how it ended, and whether two ran at once", () => {
  const came = "request a: POST /v1/completions";
  for (
    const [log, ends, atOnceMax] of [
      [[], [], 0],
      [["request ab: POST /v1/completions", "request ab: answered"], [], 0],
      [[came, "request a: answered"], ["answered"], 1],
      [[came, "request a: left", came, "request a: answered"], ["left", "answered"], 1],
      [[came, came, "request a: answered", "request a: left"], ["answered", "left"], 2],
      [[came, "process ended by itself", came], ["died", "open"], 1],
    ] as const
  ) expect(servedOf(lines(...log), "m", "a")).toEqual({ ends, atOnceMax });
  expect(servedOf(lines(came), "n", "a").ends).toEqual([]);
});

Deno.test("arrivedCount() counts requests, not tries", () => {
  const log = lines(
    "request a: POST /x",
    "request a: POST /x",
    "request b: POST /x",
    "request a: cut",
  );
  expect([arrivedCount(log, "m"), arrivedCount(log, "n")]).toEqual([2, 0]);
});
