/**
 * `cluster.ts` as a process of its own, because the environment names its cluster: that of `$TEST_KUBECONFIG`, or a
 * control plane of its own from `$CONTROL_PLANE_KIT`.
 */
import { OwnControlPlane } from "../own_control_plane.ts";
import { keep } from "./figures.ts";

const SCRIPT = new URL("cluster.ts", import.meta.url).pathname;

/** @throws if it failed */
export async function cluster(): Promise<void> {
  const kit = Deno.env.get("CONTROL_PLANE_KIT");
  await using plane = kit && !Deno.env.has("TEST_KUBECONFIG")
    ? await OwnControlPlane.start(kit)
    : undefined;
  if (!plane && !Deno.env.has("TEST_KUBECONFIG")) {
    return console.log("cluster: skipped, set TEST_KUBECONFIG or CONTROL_PLANE_KIT");
  }
  const file = await Deno.makeTempFile({ prefix: "figures-" });
  try {
    const { success } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", SCRIPT, file],
      ...{ env: { ...plane?.env }, stdin: "null" },
    }).spawn().status;
    if (!success) throw new Error("it ended badly: see above");
    keep(JSON.parse(await Deno.readTextFile(file)));
  } finally {
    await Deno.remove(file);
  }
}
