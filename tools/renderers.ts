/** `deno task renderers`: builds helm and kustomize for the tests of deploy/, once a machine, in minutes. */
import { dirname } from "node:path";
import { HELM, isThere, KUSTOMIZE, type Renderer } from "../src/testing/renderers.ts";

/** Those that are not there yet; false, and told why, if one could not be built. */
export async function buildRenderers(): Promise<boolean> {
  let all = true;
  for (const renderer of [HELM, KUSTOMIZE]) {
    if (!isThere(renderer)) all = await build(renderer) && all;
  }
  return all;
}

async function build({ module, flags, path }: Renderer): Promise<boolean> {
  console.log(`== go install ${module}`);
  const folder = `${dirname(path)}/building`;
  const [name] = module.split("@")[0]!.split("/").filter((part) => !/^v\d+$/.test(part)).slice(-1);
  try {
    await Deno.mkdir(folder, { recursive: true });
    const { success } = await new Deno.Command("go", {
      args: ["install", "-trimpath", "-ldflags", `-s -w ${flags}`, module],
      env: { GOBIN: folder, CGO_ENABLED: "0" },
      stdin: "null",
    }).spawn().status;
    // At once, so that nobody finds half of it.
    if (success) await Deno.rename(`${folder}/${name}`, path);
    return success;
  } catch (error) {
    console.log(`== not built: ${(error as Error).message}`);
    return false;
  }
}

if (import.meta.main) Deno.exit(await buildRenderers() ? 0 : 1);
