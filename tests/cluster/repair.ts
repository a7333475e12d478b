/**
 * What goes wrong in clusters, and that it can be mended by what one is told: for each situation the words of
 * `doctor`, of the answer to whoever waits and of `/api/models/NAME`, and then the repair that they name.
 */
import { expect } from "expect";
import { test, TEST_KUBECONFIG, TestNamespace } from "../../src/testing/control_plane.ts";
import { runDoctor } from "../../src/testing/doctor_process.ts";
import { eventually } from "../../src/testing/eventually.ts";
import { GatewayProcess } from "../../src/testing/gateway_process.ts";
import { RecordingProxy } from "../../src/testing/recording_proxy.ts";
import { createAccount } from "../../src/testing/service_account.ts";
import { container, type Situation, SITUATIONS } from "../../src/testing/situations.ts";

async function worldOf(situation: Situation, stack: AsyncDisposableStack) {
  const namespace = stack.use(await TestNamespace.create());
  await namespace.deployment("m", { "bed/load": "100ms", ...situation.pods });
  await container(namespace, {});
  await situation.breaks?.(namespace);
  stack.defer(async () => void await situation.tidy?.(namespace));
  const kubeconfig = await kubeconfigOf(situation, namespace, stack);
  const cluster = `kubernetes: { kubeconfig: ${kubeconfig}, namespace: ${namespace.name} }\n`;
  const model = (settings = "deployment: m") => {
    const more = "retryAfterMax: 1s, engine: openai";
    return `  m: { ${settings.replaceAll("NS", namespace.name)}, ${more} }\n`;
  };
  const options = { routes: cluster, server: "operator: 127.0.0.1:0" };
  const gateway = stack.use(await GatewayProcess.start(model(situation.settings), options));
  const configure = (settings: string) => gateway.write(model(settings), options);
  return { namespace, gateway, configure };
}

/** Whoever runs the tests may see all; the gateway of some situations is an account that may not. */
async function kubeconfigOf(
  { rules }: Situation,
  namespace: TestNamespace,
  stack: AsyncDisposableStack,
): Promise<string> {
  if (!rules) return TEST_KUBECONFIG!;
  const token = await createAccount(namespace, "gateway", rules);
  return stack.use(await RecordingProxy.start(token)).kubeconfig;
}

/** What differs from one run to the next is called the same. */
function plain(text: string, { name }: TestNamespace): string {
  return text.replaceAll(name, "NS").replace(/\bm-[a-z0-9]{6,10}-[a-z0-9]{5}\b/g, "POD")
    .replace(/\bm-[a-z0-9]{6,10}\b/g, "SET").replace(/http:\/\/10[\d.]+:/, "http://IP:")
    .replace(/for \d+ s/, "for N s").replace(/\bnode-\w\b/, "NODE");
}

function exactly(words: string | RegExp): unknown {
  return typeof words === "string" ? words : expect.stringMatching(words);
}

for (const situation of SITUATIONS) {
  test(`from the words alone it can be mended that ${situation.what}`, async () => {
    await using stack = new AsyncDisposableStack();
    const { namespace, gateway, configure } = await worldOf(situation, stack);
    const response = await gateway.chat("m");
    const { error } = await response.json();
    const told = plain(error.message, namespace);
    expect(told).toEqual(exactly(situation.told));
    expect([response.status, error.code]).toEqual([
      503,
      situation.kind === "cold_start_timeout" ? situation.kind : "model_unavailable",
    ]);
    const view = await (await fetch(`${gateway.operatorUrl}/api/models/m`)).json();
    expect([view.failure?.kind, told]).toEqual([
      situation.kind,
      expect.stringContaining(plain(view.failure?.message, namespace)),
    ]);
    const report = await runDoctor(gateway.file);
    const lines = report.findings.filter(({ about, level, remedy }) =>
      level !== "ok" || about === "m" && remedy !== undefined
    ).map((finding) =>
      plain(`${finding.level} ${finding.about}: ${finding.text} -> ${finding.remedy}`, namespace)
    );
    expect(lines).toEqual(situation.doctor.map(exactly));
    await situation.repair({ namespace, gateway, report, configure });
    await eventually(async () => {
      const again = await gateway.chat("m");
      await again.text();
      return again.status === 200;
    }, 20_000);
  });
}
