/**
 * The image's file system as a bare folder: its own files, and of its base what Deno needs. Programs run in it as in a
 * container: as its user, with nothing else to see, nothing to write to, and its config and its service account mounted.
 */
import { imageCommand, layOut } from "../../tools/image_root.ts";
import type { GatewayCommand } from "./gateway_process.ts";

export const IMAGE_UID = 65532;
const CONFIG = "etc/vllm-autoscaler";
/** The base image sets it. */
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const SERVICE_ACCOUNT = "run/secrets/kubernetes.io/serviceaccount";

/** $0 is the root, $1 the config's folder, $2 the service account's or nothing; then comes the command. */
const ENTER_AS_POD = `
set -e
root=$0 config=$1 account=$2
shift 2
chmod a+rx "$config"
mount --bind "$root" "$root"
mount --bind "$config" "$root/${CONFIG}"
[ -z "$account" ] || mount --bind "$account" "$root/${SERVICE_ACCOUNT}"
mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev"
mount --rbind /sys "$root/sys"
mount --bind /etc/resolv.conf "$root/etc/resolv.conf"
mount --bind /etc/hosts "$root/etc/hosts"
mount -o remount,ro,bind "$root"
exec "$@"
`;

/** $0 is the root; then comes the command. */
const ENTER = `
set -e
mount -t proc proc "$0/proc"
mount --bind /dev "$0/dev"
exec chroot "$0" "$@"
`;

/** Why there cannot be one here; undefined: there can. */
export function noImageRoot(): string | undefined {
  if (Deno.build.os !== "linux") return "containers are Linux's";
  if (Deno.uid() !== 0) return "only root may mount and chroot";
  // What is mounted below, each once.
  const mounts = "mount -t tmpfs none /mnt && mkdir /mnt/a && mount -t proc proc /mnt/a && " +
    "mount --bind /dev /mnt/a && mount --rbind /sys /mnt/a && mount -o remount,ro /mnt";
  const probe = ["--mount", "sh", "-c", `${mounts} && command -v chroot ldd`];
  try {
    const { success } = new Deno.Command("unshare", {
      ...{ args: probe, stdin: "null", stdout: "null", stderr: "null" },
    }).outputSync();
    return success ? undefined : "nothing can be mounted here, or there is no chroot or ldd";
  } catch {
    return "there is no unshare here";
  }
}

export class ImageRoot implements AsyncDisposable {
  private constructor(readonly dir: string) {}

  /** Bundles, lays the files out, and lets Deno learn of the program: some seconds. */
  static async create(): Promise<ImageRoot> {
    const dir = await Deno.makeTempDir({ prefix: "image-" });
    const deno = Deno.execPath();
    await layBase(dir, deno);
    await layOut(dir, deno, ["unshare", "--mount", "sh", "-c", ENTER, dir, "/usr/local/bin/deno"]);
    return new ImageRoot(dir);
  }

  /** `serviceAccount`: the folder with its token. */
  async command(
    { serviceAccount = "", env = {} }: {
      serviceAccount?: string;
      env?: Readonly<Record<string, string>>;
    } = {},
  ): Promise<GatewayCommand> {
    const image = await imageCommand();
    const variables = Object.entries({ PATH, ...image.env, ...env }).map((pair) => pair.join("="));
    const user = `--userspec=${IMAGE_UID}:${IMAGE_UID}`;
    return {
      words: (configDir) => [
        ...["unshare", "--mount", "sh", "-c", ENTER_AS_POD, this.dir, configDir, serviceAccount],
        ...["env", "-i", ...variables, "chroot", user, this.dir],
        ...image.words,
      ],
      env: {},
      file: `/${CONFIG}/config.yaml`,
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Deno.remove(this.dir, { recursive: true });
  }
}

/** What the base image has, as far as Deno needs it; the libraries are this machine's. */
async function layBase(dir: string, deno: string): Promise<void> {
  await Deno.chmod(dir, 0o755);
  for (const each of ["tmp", "proc", "dev", "sys", "etc", "var", CONFIG, SERVICE_ACCOUNT]) {
    await Deno.mkdir(`${dir}/${each}`, { recursive: true });
  }
  await Deno.symlink("/run", `${dir}/var/run`);
  for (const each of ["resolv.conf", "hosts"]) await Deno.writeTextFile(`${dir}/etc/${each}`, "");
  const { stdout } = await new Deno.Command("ldd", { args: [deno] }).output();
  const libraries = new TextDecoder().decode(stdout).matchAll(/(\/\S+) \(0x/g);
  for (const [, path] of libraries) {
    await Deno.mkdir(dir + path!.replace(/\/[^/]*$/, ""), { recursive: true });
    await Deno.copyFile(path!, dir + path);
  }
}
