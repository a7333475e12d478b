/** Both ways to an API server, as a pod and by a kubeconfig, on a real control plane. */
import { expect } from "expect";
import { stringify } from "yaml";
import { systemClock as clock } from "../../src/platform/clock.ts";
import { createFetch } from "../../src/platform/fetch.ts";
import { systemFiles as files } from "../../src/platform/files.ts";
import { systemRandom as random } from "../../src/platform/random.ts";
import { KubernetesApi } from "../../src/targets/kubernetes/api.ts";
import { type ClusterAccess, inCluster } from "../../src/targets/kubernetes/cluster_access.ts";
import { findCluster } from "../../src/targets/kubernetes/find_cluster.ts";
import { byKubeconfig } from "../../src/targets/kubernetes/kubeconfig.ts";
import { test, TestNamespace } from "../../src/testing/control_plane.ts";
import { ConnectProxy } from "../../src/testing/connect_proxy.ts";
import { createAccount, readTestCluster } from "../../src/testing/service_account.ts";

/** A folder of files, removed in the end. */
class Folder implements AsyncDisposable {
  private constructor(readonly path: string) {}

  static async with(texts: Record<string, string>): Promise<Folder> {
    const folder = new Folder(await Deno.makeTempDir({ prefix: "access-" }));
    for (const [name, text] of Object.entries(texts)) await folder.write(name, text);
    return folder;
  }

  write(name: string, text: string): Promise<void> {
    return Deno.writeTextFile(`${this.path}/${name}`, text, { mode: 0o700 });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Deno.remove(this.path, { recursive: true });
  }
}

/** Who the API server takes us for. */
async function whoAmI(access: ClusterAccess): Promise<string> {
  const api = new KubernetesApi({ access, clock, random });
  const { status } = await api.call<{ status: { userInfo: { username: string } } }>({
    ...{ verb: "create", method: "POST", body: {} },
    path: "/apis/authentication.k8s.io/v1/selfsubjectreviews",
  });
  return status.userInfo.username;
}

/** A kubeconfig for the tests' cluster and `user`. */
async function kubeconfig(user: object, name = "a", cluster: object = {}): Promise<string> {
  const { server, ca } = await readTestCluster();
  return stringify({
    ...{ apiVersion: "v1", kind: "Config", "current-context": name },
    clusters: [{ name, cluster: { server, "certificate-authority-data": btoa(ca), ...cluster } }],
    users: [{ name, user }],
    contexts: [{ name, context: { cluster: name, user: name, namespace: "ai" } }],
  });
}

function by(path: string): Promise<ClusterAccess> {
  return byKubeconfig({ paths: [path], context: undefined, files, createFetch });
}

test("a pod is its service account, and takes a rotated token once the old one is refused", async () => {
  await using namespace = await TestNamespace.create();
  const { server, ca } = await readTestCluster();
  const { hostname, port } = new URL(server);
  await using mounted = await Folder.with({
    ...{ "ca.crt": ca, namespace: namespace.name },
    token: `${await createAccount(namespace, "first")}\n`,
  });
  const env: Record<string, string> = {
    KUBERNETES_SERVICE_HOST: hostname,
    KUBERNETES_SERVICE_PORT: port || "443",
  };
  const options = { env: (name: string) => env[name], files, clock, createFetch };
  const access = await inCluster({ ...options, dir: mounted.path });
  expect(access!.namespace).toBe(namespace.name);
  const account = (name: string) => `system:serviceaccount:${namespace.name}:${name}`;
  expect(await whoAmI(access!)).toBe(account("first"));

  await mounted.write("token", "one that is good no more");
  const late = await inCluster({ ...options, dir: mounted.path });
  await mounted.write("token", await createAccount(namespace, "second"));
  expect(await whoAmI(late!)).toBe(account("second"));
});

test("a kubeconfig's client certificate, token, token file and plugin are shown to the API server", async () => {
  await using namespace = await TestNamespace.create();
  const { user } = await readTestCluster();
  const token = await createAccount(namespace, "a");
  const credential = {
    ...{ apiVersion: "client.authentication.k8s.io/v1", kind: "ExecCredential" },
    status: { token },
  };
  // It answers in the version that it is asked for, as those of the clouds do.
  const plugin = `#!/bin/sh\ncase "$KUBERNETES_EXEC_INFO" in *client.authentication.k8s.io/v1*)\n` +
    `[ "$1 $GIVEN" = "login yes" ] && echo '${JSON.stringify(credential)}' ;; esac\n`;
  const exec = {
    ...{ apiVersion: credential.apiVersion, command: "./plugin", args: ["login"] },
    ...{ env: [{ name: "GIVEN", value: "yes" }], interactiveMode: "Never" },
  };
  await using folder = await Folder.with({
    ...{ certificate: await kubeconfig(user), token: await kubeconfig({ token }) },
    ...{ file: await kubeconfig({ tokenFile: "token.txt" }), "token.txt": `${token}\n` },
    ...{ exec: await kubeconfig({ exec }), plugin },
  });
  const who = async (name: string) => await whoAmI(await by(`${folder.path}/${name}`));
  const account = `system:serviceaccount:${namespace.name}:a`;
  expect(await who("certificate")).not.toMatch(/anonymous|serviceaccount/);
  expect([await who("token"), await who("file"), await who("exec")]).toEqual(
    Array(3).fill(account),
  );
});

test("a plugin that fails is told in its own words", async () => {
  await using folder = await Folder.with({
    config: await kubeconfig({
      exec: { apiVersion: "client.authentication.k8s.io/v1", command: "./plugin" },
    }),
    plugin: "#!/bin/sh\necho 'log in first: cloud auth login' >&2; exit 1\n",
  });
  await expect(by(`${folder.path}/config`)).rejects.toThrow(
    /plugin '\S+\/plugin' of user 'a' of \S+ gives no access: log in first: cloud auth login$/,
  );
});

test("two files in $KUBECONFIG are one, and a context is chosen of both", async () => {
  await using namespace = await TestNamespace.create();
  const { user } = await readTestCluster();
  const token = await createAccount(namespace, "b");
  await using folder = await Folder.with({
    one: await kubeconfig(user, "one"),
    two: await kubeconfig({ token }, "two"),
  });
  const paths = ["one", "absent", "two"].map((name) => `${folder.path}/${name}`).join(":");
  const find = (context: string) =>
    findCluster({ kubeconfig: "", context, namespace: "" }, {
      ...{ files, clock, createFetch },
      env: (name) => name === "KUBECONFIG" ? paths : undefined,
    });
  const first = await find("");
  expect([first.origin, first.namespace]).toEqual([`context one of ${paths}`, "ai"]);
  expect(await whoAmI(first)).not.toMatch(/serviceaccount/);
  expect(await whoAmI(await find("two"))).toBe(`system:serviceaccount:${namespace.name}:b`);
  await expect(find("three")).rejects.toThrow(/has no context 'three'; there are: one, two$/);
});

test("a kubeconfig's proxy is gone through", async () => {
  const { user } = await readTestCluster();
  await using proxy = ConnectProxy.start();
  await using folder = await Folder.with({
    config: await kubeconfig(user, "a", { "proxy-url": proxy.url }),
  });
  expect(await whoAmI(await by(`${folder.path}/config`))).not.toMatch(/anonymous/);
  expect(proxy.targets).toEqual([new URL((await readTestCluster()).server).host]);
});
