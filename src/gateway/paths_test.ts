import { expect } from "expect";
import { BLOCKED_ROUTES } from "../testing/blocked_routes.ts";
import { isBlocked, isStateful, normalisePath } from "./paths.ts";

for (
  const [path, want] of [
    ["/", "/"],
    ["//", "/"],
    ["/v1/models/", "/v1/models"],
    ["/v1//chat///completions//", "/v1/chat/completions"],
    ["/v1/models/Qwen%2FQwen3-8B", "/v1/models/Qwen%2FQwen3-8B"],
    ["/v1/models/Qwen/Qwen3-8B", "/v1/models/Qwen/Qwen3-8B"],
  ] as const
) {
  Deno.test(`normalisePath() makes ${path} ${want}`, () => expect(normalisePath(path)).toBe(want));
}

for (const name of BLOCKED_ROUTES) {
  Deno.test(`isBlocked() holds for /${name}, under /v1 and in other spellings`, () => {
    const first = `%${name.charCodeAt(0).toString(16)}${name.slice(1)}`;
    const twice = first.replace("%", "%25");
    const spellings = [`/${name}`, `/v1/${name}`, `/${first}`, `/v1/${twice}`, `/./${name}`];
    // Python's `$` also matches before a line break: Starlette, vLLM's router, took this one.
    spellings.push(`/${name}%0a`, `/${name}%250A`, `/any/prefix%2f${name}`, `/%ff/${first}`);
    for (const path of spellings) {
      expect([path, isBlocked(path)]).toEqual([path, true]);
    }
  });
}

for (
  const path of [
    ..."/ /v1/chat/completions /v1/completions /v1/responses /v1/messages /v1/messages/count_tokens"
      .split(" "),
    ..."/v1/embeddings /v2/embed /pooling /classify /score /v1/score /rerank /v2/rerank".split(" "),
    ..."/tokenize /detokenize /invocations /inference/v1/generate /v1/audio/transcriptions".split(
      " ",
    ),
    ..."/sleeper /asleep /docs/api /custom/load_balancer /%ff /%".split(" "),
  ]
) {
  Deno.test(`isBlocked() lets ${path} pass`, () => expect(isBlocked(path)).toBe(false));
}

for (
  const [method, path, want] of [
    ["GET", "/v1/responses/resp_1", true],
    ["DELETE", "/v1/responses/resp_1", true],
    ["POST", "/v1/responses/resp_1/cancel", true],
    ["POST", "/v1/responses", false],
    ["POST", "/v1/responses/resp_1", false],
    ["GET", "/v1/responses/resp_1/cancel", false],
    ["GET", "/v1/responses/a/b", false],
  ] as const
) {
  Deno.test(`isStateful() is ${want} for ${method} ${path}`, () => {
    expect(isStateful(method, path)).toBe(want);
  });
}

Deno.test("isBlocked() looks at each of 100,000 segments once", () => {
  // Looking at every suffix took 14 s for a path of half this length, and every other request waited.
  expect(isBlocked("/a".repeat(100_000))).toBe(false);
  expect(isBlocked(`${"/%61".repeat(100_000)}/sleep`)).toBe(true);
});
