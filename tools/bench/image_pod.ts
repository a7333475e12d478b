/** The image's root as if it were in a pod, whose cluster is not there: a start does not wait for it. */
import type { GatewayCommand } from "../../src/testing/gateway_process.ts";
import type { ImageRoot } from "../../src/testing/image_root.ts";

const END = "-----END CERTIFICATE-----";

export interface ImagePod extends AsyncDisposable {
  readonly command: GatewayCommand;
}

export async function imagePod(root: ImageRoot): Promise<ImagePod> {
  const serviceAccount = await Deno.makeTempDir({ prefix: "service-account-" });
  await Deno.chmod(serviceAccount, 0o755);
  await Deno.writeTextFile(`${serviceAccount}/token`, "token");
  await Deno.writeTextFile(`${serviceAccount}/ca.crt`, await anyAuthority());
  await Deno.writeTextFile(`${serviceAccount}/namespace`, "ai");
  const env = { KUBERNETES_SERVICE_HOST: "127.0.0.1", KUBERNETES_SERVICE_PORT: "9" };
  const command = await root.command({ serviceAccount, env });
  return {
    command,
    [Symbol.asyncDispose]: () => Deno.remove(serviceAccount, { recursive: true }),
  };
}

/** A cluster has one, a machine many. */
async function anyAuthority(): Promise<string> {
  const all = await Deno.readTextFile("/etc/ssl/certs/ca-certificates.crt");
  return `${all.split(END)[0]}${END}\n`;
}
