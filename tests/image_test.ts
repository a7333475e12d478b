/** The program as the image has it: bundled, with the image's flags, permissions and environment. */
import { expect } from "expect";
import { GatewayProcess } from "../src/testing/gateway_process.ts";
import { buildImage } from "../src/testing/image.ts";

const PAGE = new URL("../src/operator/page/", import.meta.url).pathname;

Deno.test("the image's command serves, and reads a kubeconfig that is mounted beside its config", async () => {
  await using image = await buildImage();
  {
    await using gateway = await GatewayProcess.start(
      `  m: { external: true, upstream: "http://127.0.0.1:9" }\n`,
      {
        ...{ command: image.command(), server: "operator: 127.0.0.1:0" },
      },
    );
    const models = await (await fetch(`${gateway.url}/v1/models`)).json();
    expect(models.data.map(({ id }: { id: string }) => id)).toEqual(["m"]);
    // The status page is in the bundle, whole.
    for (const file of ["index.html", "app.js", "vendor/uplot.js"]) {
      const path = file === "index.html" ? "" : `page/${file}`;
      const text = await (await fetch(`${gateway.operatorUrl}/${path}`)).text();
      expect([file, text === await Deno.readTextFile(`${PAGE}${file}`)]).toEqual([file, true]);
    }
  }
  const cluster = { server: "http://127.0.0.1:9" };
  const dir = await Deno.makeTempDir({ prefix: "kubeconfig-" });
  try {
    await Deno.writeTextFile(
      `${dir}/config`,
      JSON.stringify({
        ...{ apiVersion: "v1", kind: "Config", "current-context": "a" },
        clusters: [{ name: "a", cluster }],
        users: [{ name: "a", user: { token: "t" } }],
        contexts: [{ name: "a", context: { cluster: "a", user: "a", namespace: "ai" } }],
      }),
    );
    await using gateway = await GatewayProcess.start(
      "  m: { deployment: m, coldStartTimeout: 1s }\n",
      {
        routes: `kubernetes: { kubeconfig: ${dir}/config }\n`,
        command: image.command(dir),
      },
    );
    const response = await gateway.chat("m");
    expect([response.status, (await response.json()).error.code]).toEqual([
      503,
      "cluster_unreachable",
    ]);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
