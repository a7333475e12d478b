/**
 * An exclusive lock that lives as long as its holder: the kernel gives it back when the process dies,
 * however that happens, so there is nothing stale to clean up. Two gateways on one file of process
 * models would start every engine twice; the second asks here and refuses to start.
 */

/** Where the lock of `configFile` lies: the same for every path that leads to that file. */
export async function lockPathOf(configFile: string): Promise<string> {
  const path = new TextEncoder().encode(await Deno.realPath(configFile));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", path)).toHex();
  const folder = Deno.env.get("TMPDIR") || "/tmp";
  return `${folder.replace(/\/$/, "")}/vllm-autoscaler-${digest}.lock`;
}

/**
 * The lock, or undefined if somebody else holds it. The file is left behind: removing it would let one
 * process lock the file that is gone and another the one that took its place.
 */
export function acquireLock(path: string): Disposable | undefined {
  const file = Deno.openSync(path, { create: true, write: true, mode: 0o600 });
  if (file.tryLockSync(true)) return file;
  file.close();
  return undefined;
}
