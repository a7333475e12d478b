/**
 * `deno task test:control-plane`: runs the cluster tests on a control plane of their own, from the kit that
 * `$CONTROL_PLANE_KIT` names. Its last line counts the tests.
 */
import { runClusterTests } from "./cluster_tests.ts";
import { OwnControlPlane } from "./own_control_plane.ts";
import { buildRenderers } from "./renderers.ts";

const kit = Deno.env.get("CONTROL_PLANE_KIT");
if (!kit) {
  console.error(
    "Set CONTROL_PLANE_KIT to the folder of a control plane's build, up and down scripts",
  );
  Deno.exit(2);
}

let counts = { passed: 0, failed: 1 };
try {
  // Without them the tests of deploy/ are ignored, and say so.
  await buildRenderers();
  await using plane = await OwnControlPlane.start(kit);
  // Whoever ends us early must not find it running for ever.
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    Deno.addSignalListener(signal, async () => {
      await plane[Symbol.asyncDispose]();
      Deno.exit(1);
    });
  }
  // The tests may break this plane: it is nobody else's.
  counts = await runClusterTests(Deno.args, plane.env);
} catch (error) {
  console.error(error);
}
console.log(`\n${counts.passed} passed, ${counts.failed} failed`);
Deno.exit(counts.failed === 0 ? 0 : 1);
