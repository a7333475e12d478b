import { expect } from "expect";
import type { LogFields } from "../telemetry/log.ts";
import { silentLog } from "../telemetry/log.ts";
import { modelSpec } from "../testing/requests.ts";
import { settle, VirtualClock } from "../testing/virtual_clock.ts";
import { UpstreamKeys } from "./upstream_keys.ts";

function setUp() {
  const clock = new VirtualClock();
  const warned: (LogFields | undefined)[] = [];
  const file = { text: "first\n" as string | undefined, reads: 0 };
  const keys = new UpstreamKeys({
    clock,
    log: { ...silentLog, warn: (_, fields) => void warned.push(fields) },
    files: {
      readText: () => {
        file.reads++;
        return file.text === undefined
          ? Promise.reject(new Error("gone"))
          : Promise.resolve(file.text);
      },
    },
    env: (name) => name === "HF_KEY" ? "from-env" : undefined,
  });
  return { clock, warned, file, keys };
}

Deno.test("UpstreamKeys has a key for a model that is configured with one, and none for others", async () => {
  const { keys, file } = setUp();
  expect(await keys.of(modelSpec("plain"))).toBe(undefined);
  expect(await keys.of(modelSpec("env", { upstreamKeyEnv: "HF_KEY" }))).toBe("from-env");
  expect(file.reads).toBe(0);
  expect(await keys.of(modelSpec("file", { upstreamKeyFile: "/etc/key" }))).toBe("first");
});

Deno.test("UpstreamKeys reads a rotated file beside the requests, seldom, and keeps one that is gone", async () => {
  const { clock, warned, file, keys } = setUp();
  const spec = modelSpec("m", { upstreamKeyFile: "/etc/key" });
  for (let i = 0; i < 5; i++) expect(await keys.of(spec)).toBe("first");
  expect(file.reads).toBe(1);
  file.text = "second";
  await clock.advance(2_000);
  expect(await keys.of(spec)).toBe("first");
  await settle();
  expect(await keys.of(spec)).toBe("second");
  file.text = undefined;
  for (let i = 0; i < 3; i++) {
    await clock.advance(2_000);
    expect(await keys.of(spec)).toBe("second");
  }
  expect(warned).toEqual([{ file: "/etc/key", reason: "gone" }]);
});
