import { expect } from "expect";
import { edgeFault } from "./layers.ts";

Deno.test("edgeFault() allows what stands below", () => {
  for (
    const [from, specifier] of [
      ["main.ts", "./src/cli/serve.ts"],
      ["src/cli/serve.ts", "../app.ts"],
      ["src/cli/engine.ts", "../engine/server.ts"],
      ["src/app.ts", "./gateway/layers.ts"],
      ["src/app.ts", "./targets/external.ts"],
      ["src/gateway/send.ts", "./fetch_failure.ts"],
      ["src/gateway/send.ts", "../activator/errors.ts"],
      ["src/targets/process/process_target.ts", "../../lib/duration.ts"],
      ["src/activator/activation.ts", "../telemetry/log.ts"],
      ["src/config/parse.ts", "yaml"],
      ["src/config/resolve.ts", "node:path"],
      ["src/platform/node_server.ts", "node:http"],
      ["src/cli/version.ts", "../../deno.json"],
      ["src/gateway/send_test.ts", "../testing/virtual_clock.ts"],
      ["src/testing/small_world.ts", "../app.ts"],
      ["src/operator/page/app.js", "./store.js"],
      ["src/operator/page/html.js", "./vendor/htm.js"],
      ["src/operator/page.ts", "./page/app.js"],
    ] as const
  ) expect([from, specifier, edgeFault(from, specifier)]).toEqual([from, specifier, undefined]);
});

Deno.test("edgeFault() refuses what the layers forbid, with the reason", () => {
  for (
    const [from, specifier, why] of [
      ["src/lib/size.ts", "../platform/clock.ts", "src/platform stands above src/lib"],
      ["src/app.ts", "./cli/serve.ts", "src/cli stands above src/app.ts"],
      ["src/targets/get.ts", "../gateway/send.ts", "src/gateway stands above src/targets"],
      ["src/gateway/a.ts", "../operator/b.ts", "stand beside each other"],
      ["src/operator/a.ts", "../gateway/b.ts", "stand beside each other"],
      ["src/gateway/a.ts", "../targets/get.ts", "asks src/activator"],
      ["src/app.ts", "./engine/server.ts", "started by src/cli/engine.ts"],
      ["src/cli/serve.ts", "../engine/server.ts", "started by src/cli/engine.ts"],
      ["src/gateway/a.ts", "../testing/virtual_clock.ts", "for tests only"],
      ["src/gateway/a.ts", "./b_test.ts", "for tests only"],
      ["src/cli/serve.ts", "../../tools/gate.ts", "for tests only"],
      ["src/gateway/a.ts", "expect", "for tests only"],
      ["src/gateway/a.ts", "../shim.ts", "src/shim.ts is in no layer"],
      ["src/shim.ts", "./lib/size.ts", "src/shim.ts is in no layer"],
      ["src/activator/activator.ts", "zod", "depends on no package"],
      ["src/lib/size.ts", "zod", "depends on no package"],
      ["src/config/parse.ts", "npm:yaml@2", "import map"],
      ["src/targets/get.ts", "node:fs", "only src/platform and src/cli"],
      ["src/operator/page/app.js", "../journal.ts", "served from src/operator/page/ alone"],
      ["src/operator/page/app.js", "preact", "served from src/operator/page/ alone"],
    ] as const
  ) {
    expect([from, specifier, edgeFault(from, specifier)]).toEqual([
      from,
      specifier,
      expect.stringContaining(why),
    ]);
  }
});
