import { expect } from "expect";
import type { KeySpec } from "../config/spec.ts";
import { requestContext } from "../testing/requests.ts";
import { VirtualClock } from "../testing/virtual_clock.ts";
import { silentLog } from "../telemetry/log.ts";
import { accessLayer, requireModel } from "./access.ts";

const SHA256_OF_ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

const keySpec = (over: Partial<KeySpec>): KeySpec => ({
  ...{ name: "team-a", operator: false, inFlightMax: 0 },
  ...over,
});

function setUp(...keys: KeySpec[]) {
  const clock = new VirtualClock();
  const files = new Map<string, string>();
  const layer = accessLayer(() => keys, {
    clock,
    log: silentLog,
    files: {
      readText: (path) => {
        const text = files.get(path);
        return text === undefined ? Promise.reject(new Error(`no ${path}`)) : Promise.resolve(text);
      },
    },
    env: (name) => name === "TEAM_KEY" ? "from-env" : undefined,
  });
  /** The code that the request is refused with, or the name of its key. */
  const ask = async (headers: HeadersInit, context = requestContext()) => {
    const request = new Request("http://gateway.test/", { headers });
    try {
      await layer.enter!(request, context);
      return `may: ${context.key?.name}`;
    } catch (error) {
      return (error as { code: string }).code;
    }
  };
  return { clock, files, ask };
}

const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

Deno.test("access is open without keys", async () => {
  expect(await setUp().ask({})).toBe("may: undefined");
});

Deno.test("access takes a Bearer token or x-api-key, whichever is known", async () => {
  const { ask } = setUp(keySpec({ key: "s3cret" }));
  expect(await ask(bearer("s3cret"))).toBe("may: team-a");
  expect(await ask({ authorization: "bearer  s3cret" })).toBe("may: team-a");
  expect(await ask({ "x-api-key": "s3cret" })).toBe("may: team-a");
  expect(await ask({ ...bearer("other"), "x-api-key": "s3cret" })).toBe("may: team-a");
});

Deno.test("access refuses a key that is missing, wrong, or only nearly right", async () => {
  const { ask } = setUp(keySpec({ key: "s3cret" }));
  for (
    const headers of [{}, bearer("s3cre"), bearer("s3crets"), { authorization: "Basic s3cret" }]
  ) {
    expect(await ask(headers)).toBe("invalid_api_key");
  }
});

Deno.test("access knows a key by its digest and from the environment", async () => {
  const { ask } = setUp(
    keySpec({ keySha256: SHA256_OF_ABC }),
    keySpec({ name: "team-b", keyEnv: "TEAM_KEY" }),
    keySpec({ name: "nobody", keyEnv: "UNSET" }),
  );
  expect(await ask(bearer("abc"))).toBe("may: team-a");
  expect(await ask(bearer("from-env"))).toBe("may: team-b");
  expect(await ask(bearer("undefined"))).toBe("invalid_api_key");
});

Deno.test("access takes over a key file that changed, and lets go of the old key", async () => {
  const { clock, files, ask } = setUp(keySpec({ keyFile: "/etc/keys/a" }));
  files.set("/etc/keys/a", "old\n");
  expect(await ask(bearer("old"))).toBe("may: team-a");
  files.set("/etc/keys/a", "new\n");
  await clock.advance(2_000);
  expect(await ask(bearer("new"))).toBe("may: team-a");
  expect(await ask(bearer("old"))).toBe("invalid_api_key");
});

Deno.test("access keeps a key whose file cannot be read for a while", async () => {
  const { clock, files, ask } = setUp(keySpec({ keyFile: "/etc/keys/a" }));
  expect(await ask(bearer("old"))).toBe("invalid_api_key");
  files.set("/etc/keys/a", "old");
  await clock.advance(2_000);
  expect(await ask(bearer("old"))).toBe("may: team-a");
  files.clear();
  await clock.advance(2_000);
  expect(await ask(bearer("other"))).toBe("invalid_api_key");
  expect(await ask(bearer("old"))).toBe("may: team-a");
});

Deno.test("access lets a key have so many requests at once, until each is complete", async () => {
  const { ask } = setUp(keySpec({ key: "k", inFlightMax: 2 }), keySpec({ name: "b", key: "l" }));
  const first = requestContext();
  expect(await ask(bearer("k"), first)).toBe("may: team-a");
  expect(await ask(bearer("k"))).toBe("may: team-a");
  expect(await ask(bearer("k"))).toBe("rate_limit_exceeded");
  expect(await ask(bearer("l"))).toBe("may: b");
  first.complete();
  expect(await ask(bearer("k"))).toBe("may: team-a");
});

Deno.test("requireModel() holds a key to its models", () => {
  const context = requestContext();
  requireModel(context, "any");
  context.key = keySpec({ models: ["qwen"] });
  requireModel(context, "qwen");
  expect(() => requireModel(context, "llama")).toThrow("may not use model 'llama': it is for qwen");
});

// An open gateway in a cluster could not be steered by key: the key closed it to its clients.
Deno.test("accessLayer() stays open beside keys that are for operators alone", async () => {
  const operators = keySpec({ name: "ops", key: "secret", operator: true, models: [] });
  expect(await setUp(operators).ask({})).toBe("may: undefined");
  const both = setUp(operators, keySpec({ key: "abc" }));
  expect(await both.ask({})).toBe("invalid_api_key");
  expect(await both.ask({ authorization: "Bearer abc" })).toBe("may: team-a");
  expect(await setUp(keySpec({ key: "abc", models: [] })).ask({})).toBe("invalid_api_key");
});
