/**
 * `deno task test:control-plane`: runs the cluster tests on a control plane of their own: `$CONTROL_PLANE_KIT` is a folder with the
 * scripts `build`, `up`, `chaos` and `down`, which leave a kubeconfig in `$BED_DIR`. Its last line counts the tests.
 */
import { runClusterTests } from "./cluster_tests.ts";

const kit = Deno.env.get("CONTROL_PLANE_KIT");
if (!kit) {
  console.error(
    "Set CONTROL_PLANE_KIT to the folder of a control plane's build, up and down scripts",
  );
  Deno.exit(2);
}

const dir = await Deno.makeTempDir({ prefix: "control-plane-" });
/** Another one may run beside it: ports and addresses of its own. */
const lane = Math.floor(Math.random() * 100);
/** Where the kit leaves what it builds, which takes minutes: once a machine. */
const bin = Deno.env.get("BED_BIN") ?? "/tmp/kube/bin";
const env = {
  BED_BIN: bin,
  BED_DIR: dir,
  BED_PORT: String(18_000 + 10 * lane),
  BED_POD_CIDR: `10.${100 + lane}.0.0/16`,
  BED_SVC_CIDR: `10.${200 - lane + 50 * Number(lane >= 50)}.0.0/16`,
};

async function run(script: string, extra: Record<string, string> = {}): Promise<boolean> {
  console.log(`== ${script}`);
  const command = new Deno.Command(`${kit}/${script}`, {
    env: { ...env, ...extra },
    stdin: "null",
  });
  return (await command.spawn().status).success;
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

let counts = { passed: 0, failed: 1 };
try {
  if (!await exists(`${bin}/bed`)) await run("build");
  if (await run("up")) {
    // The tests may break this plane: it is nobody else's.
    counts = await runClusterTests(Deno.args, { ...env, TEST_KUBECONFIG: `${dir}/kubeconfig` });
  }
} finally {
  await run("down", { BED_WIPE: "1" });
  await Deno.remove(dir, { recursive: true }).catch(() => {});
}
console.log(`\n${counts.passed} passed, ${counts.failed} failed`);
Deno.exit(counts.failed === 0 ? 0 : 1);
