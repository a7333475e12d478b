/**
 * A control plane of our own, from a kit: a folder with the scripts `build`, `up`, `chaos` and `down`, which
 * leave a kubeconfig in `$BED_DIR`. It has ports and addresses of its own, so that another may run beside it.
 */

export class OwnControlPlane implements AsyncDisposable {
  private constructor(
    readonly kit: string,
    /** What the kit's scripts, and the tests that break the plane, find it by. */
    readonly env: Readonly<Record<string, string>>,
    readonly dir: string,
  ) {}

  /** Builds the kit if that was never done, which takes minutes, and starts it. @throws if it does not start */
  static async start(kit: string): Promise<OwnControlPlane> {
    const dir = await Deno.makeTempDir({ prefix: "control-plane-" });
    const lane = Math.floor(Math.random() * 100);
    // Where the kit leaves what it builds: once a machine.
    const bin = Deno.env.get("BED_BIN") ?? "/tmp/kube/bin";
    const plane = new OwnControlPlane(kit, {
      BED_BIN: bin,
      BED_DIR: dir,
      BED_PORT: String(18_000 + 10 * lane),
      BED_POD_CIDR: `10.${100 + lane}.0.0/16`,
      BED_SVC_CIDR: `10.${200 - lane + 50 * Number(lane >= 50)}.0.0/16`,
      TEST_KUBECONFIG: `${dir}/kubeconfig`,
    }, dir);
    if (!await exists(`${bin}/bed`)) await plane.#run("build");
    if (await plane.#run("up")) return plane;
    await plane[Symbol.asyncDispose]();
    throw new Error("the control plane did not start: see above");
  }

  async #run(script: string, extra: Record<string, string> = {}): Promise<boolean> {
    console.log(`== ${script}`);
    const command = new Deno.Command(`${this.kit}/${script}`, {
      env: { ...this.env, ...extra },
      stdin: "null",
    });
    return (await command.spawn().status).success;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#run("down", { BED_WIPE: "1" });
    await Deno.remove(this.dir, { recursive: true }).catch(() => {});
  }
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
