import { expect } from "expect";
import { clientPatienceMs, waitMaxMs } from "./wait_limit.ts";

const silent = Infinity;
const early = 10_000;

Deno.test("waitMaxMs() ends a silent wait before the client's own timeout", () => {
  const table: [Record<string, string>, number | undefined][] = [
    [{}, undefined],
    [{ "x-stainless-timeout": "600" }, 540_000],
    [{ "x-stainless-read-timeout": "600" }, 540_000],
    [{ "x-stainless-timeout": "15" }, 13_000],
    [{ "x-stainless-timeout": "2" }, 0],
    [{ "x-stainless-timeout": "1" }, 0],
    [{ "x-stainless-timeout": "600", "x-stainless-read-timeout": "60" }, 54_000],
    [{ "x-stainless-timeout": "soon", "x-stainless-read-timeout": "-1" }, undefined],
    [{ "x-cold-start-timeout": "30s" }, 30_000],
    [{ "x-cold-start-timeout": "30s", "x-stainless-timeout": "20" }, 18_000],
    [{ "x-cold-start-timeout": "30" }, undefined],
  ];
  expect(table.map(([headers]) => [headers, waitMaxMs(new Headers(headers), silent)]))
    .toEqual(table);
});

Deno.test("waitMaxMs() leaves a request to its comments if they come before the client gives up", () => {
  const table: [Record<string, string>, number | undefined][] = [
    [{ "x-stainless-timeout": "600" }, undefined],
    [{ "x-stainless-timeout": "10" }, 8_000],
    [{ "x-stainless-timeout": "12" }, 10_000],
    [{ "x-stainless-timeout": "13" }, undefined],
    [{ "x-stainless-timeout": "600", "x-cold-start-timeout": "30s" }, 30_000],
  ];
  expect(table.map(([headers]) => [headers, waitMaxMs(new Headers(headers), early)]))
    .toEqual(table);
});

Deno.test("clientPatienceMs() is the shorter of the SDKs' hints", () => {
  const headers = { "x-stainless-timeout": "600", "x-stainless-read-timeout": "5.5" };
  expect(clientPatienceMs(new Headers(headers))).toBe(5_500);
  expect(clientPatienceMs(new Headers())).toBe(Infinity);
});
