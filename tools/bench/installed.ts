/** Programs of this machine: whether they are there, what they say, and which version they are. */

/** True if a program of this name, or at this path, can be started. */
export async function isInstalled(program: string): Promise<boolean> {
  return (await new Deno.Command("sh", {
    args: ["-c", 'command -v "$0"', program],
    ...{ stdin: "null", stdout: "null", stderr: "null" },
  }).output()).success;
}

/** The version of what was found: `1.22.1`, or nothing if it does not say. */
export async function versionOf(path: string, args: readonly string[]): Promise<string> {
  const version = /\d+\.\d+\.\d+/;
  const [own] = version.exec(await output(path, args)) ?? [];
  if (own) return own;
  // One that was not built from its own checkout does not know; what built it noted it.
  const [, noted = ""] = /^\s+mod\s+\S+\s+v(\S+)/m.exec(
    await output("sh", ["-c", 'go version -m "$(command -v "$0")"', path]),
  ) ?? [];
  return noted;
}

/** Of both streams, trimmed; nothing if there is no such program. */
export async function output(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  try {
    const { stdout, stderr } = await new Deno.Command(program, {
      ...{ args: [...args], env: { ...env }, stdin: "null" },
    }).output();
    return [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("").trim();
  } catch {
    return "";
  }
}
