/** The image's files in a bare root: all that the gateway needs is there, and nothing that it does not. */
import { DatabaseSync } from "node:sqlite";
import { expect } from "expect";
import { eventually } from "../src/testing/eventually.ts";
import { GatewayProcess } from "../src/testing/gateway_process.ts";
import { IMAGE_UID, ImageRoot, noImageRoot } from "../src/testing/image_root.ts";

const reason = noImageRoot();
if (reason) console.warn(`skipped: the image in a bare root: ${reason}`);

Deno.test({
  name: "the image serves as its user in a root that cannot be written, and ends on SIGTERM",
  ignore: reason !== undefined,
  async fn(t) {
    await using root = await ImageRoot.create();
    await using upstream = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      (request) => Response.json({ saw: request.headers.get("authorization") }),
    );
    const url = `http://127.0.0.1:${upstream.addr.port}`;
    const external = (name: string, settings = "") =>
      `  ${name}: { external: true, upstream: "${url}"${settings} }\n`;
    const key = ", upstreamKeyEnv: VLLM_AUTOSCALER_UPSTREAM";
    const server = "operator: 127.0.0.1:0";

    await t.step("a config of external models, a key from the environment, a reload", async () => {
      const command = await root.command({ env: { VLLM_AUTOSCALER_UPSTREAM: "secret" } });
      await using gateway = await GatewayProcess.start(external("m", key), { command, server });
      expect(await (await gateway.chat("m")).json()).toEqual({ saw: "Bearer secret" });
      const status = await Deno.readTextFile(`/proc/${gateway.pid}/status`);
      expect(status).toMatch(new RegExp(`^Uid:(\\t${IMAGE_UID}){4}$`, "m"));
      expect(status).toMatch(/^CapEff:\t0+$/m);
      expect((await fetch(`${gateway.operatorUrl}/metrics`)).status).toBe(200);
      await gateway.write(external("m", key) + external("n"), { server });
      gateway.signal("SIGHUP");
      await eventually(async () => {
        const response = await gateway.chat("n");
        await response.body?.cancel();
        return response.status === 200;
      });
      expect((await gateway.stop()).code).toBe(0);
      expect(gateway.text).toEqual([]);
    });

    await t.step("a variable that the image does not show is said not to be shown", async () => {
      const command = await root.command({ env: { UPSTREAM_KEY: "secret" } });
      const settings = ", upstreamKeyEnv: UPSTREAM_KEY";
      await using gateway = await GatewayProcess.start(external("m", settings), { command });
      expect((await gateway.status).code).toBe(1);
      expect(gateway.text.join("\n")).toMatch(/UPSTREAM_KEY may not be read.*VLLM_AUTOSCALER_/);
    });

    await t.step("Deno knows beforehand what serves", () => {
      const cache = `${root.dir}/var/cache/deno`;
      using imports = new DatabaseSync(`${cache}/dep_analysis_cache_v2`, { readOnly: true });
      using code = new DatabaseSync(`${cache}/v8_code_cache_v2`, { readOnly: true });
      const all = [
        ...imports.prepare("SELECT specifier FROM moduleinfocache").all(),
        ...code.prepare("SELECT specifier FROM codecache").all(),
      ].map(({ specifier }) => specifier);
      for (const name of ["vllm-autoscaler.js", "kubeconfig.js", "websocket.js"]) {
        expect(all.filter((each) => each === `file:///app/${name}`)).toHaveLength(2);
      }
    });
  },
});
