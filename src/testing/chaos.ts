/**
 * Breaks a control plane and heals it, by the `chaos` script of its kit: only one that is ours alone, which
 * is one whose kit (`$CONTROL_PLANE_KIT`) and folder (`$BED_DIR`) we were given.
 */
import { test as clusterTest, TEST_KUBECONFIG } from "./control_plane.ts";

const kit = Deno.env.get("CONTROL_PLANE_KIT");
const dir = Deno.env.get("BED_DIR");
const isOurs = Boolean(kit && dir) && TEST_KUBECONFIG === `${dir}/kubeconfig`;

if (TEST_KUBECONFIG && !isOurs) {
  console.warn("skipped: a control plane is only broken with its CONTROL_PLANE_KIT and BED_DIR");
}

/** A test that breaks the control plane; ignored where that is not ours to break. */
export const test: typeof clusterTest = isOurs ? clusterTest : Deno.test.ignore;

/** Through a proxy that can misbehave. */
export const FLAKY_KUBECONFIG = `${dir}/kubeconfig.flaky`;

/** How it can be broken; the last word of some is a number. */
export type Trouble =
  | "apiserver-kill"
  | "apiserver-restart"
  | "apiserver-freeze"
  | "etcd-stop"
  | "blackhole"
  | "refuse"
  | "reset"
  | "halfopen"
  | "gone"
  | `latency ${number}`
  | `rate ${number}`;

/** What takes a trouble away again, where it does not pass by itself. */
const CURES: Readonly<Record<string, readonly string[]>> = {
  "apiserver-kill": ["apiserver-start"],
  "apiserver-freeze": ["apiserver-thaw"],
  "etcd-stop": ["etcd-start", "apiserver-start"],
  ...{ blackhole: ["pass"], refuse: ["pass"], latency: ["latency 0"], rate: ["rate 0"] },
};

/** Heals in the end what it broke. */
export class Chaos implements AsyncDisposable {
  readonly #caused = new Set<string>();

  async cause(trouble: Trouble): Promise<void> {
    this.#caused.add(trouble.split(" ")[0]!);
    await runChaos(trouble);
  }

  async heal(): Promise<void> {
    const cures = [...this.#caused].flatMap((each) => CURES[each] ?? []);
    this.#caused.clear();
    for (const cure of cures) await runChaos(cure);
  }

  /**
   * What else is part of the cluster tries again later and later, for minutes: begun anew it is there at
   * once. Pods begin anew as well, with other addresses.
   */
  async restartTheRest(): Promise<void> {
    for (const part of ["kcm", "scheduler", "fakelet"]) {
      await runChaos(`${part}-stop`);
      await runChaos(`${part}-start`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.heal();
  }
}

async function runChaos(words: string): Promise<void> {
  const command = new Deno.Command(`${kit}/chaos`, {
    ...{ args: words.split(" "), stdin: "null", stdout: "null", stderr: "piped" },
  });
  const { success, stderr } = await command.output();
  if (!success) throw new Error(`chaos ${words}: ${new TextDecoder().decode(stderr)}`);
}
