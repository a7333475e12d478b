import { expect } from "expect";
import { stringify } from "yaml";
import type { FetchOptions } from "../../platform/fetch.ts";
import type { Files } from "../../platform/files.ts";
import { byKubeconfig } from "./kubeconfig.ts";

/** A kubeconfig with one of each, called `name`. */
function kubeconfig(name: string, cluster: object = {}, user: object = {}, more: object = {}) {
  return stringify({
    ...{ apiVersion: "v1", kind: "Config", "current-context": name },
    clusters: [{ name, cluster: { server: `https://${name}:6443/`, ...cluster } }],
    users: [{ name, user }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    ...more,
  });
}

/** The access that `texts`, by their paths, give. */
async function access(
  texts: Record<string, string>,
  paths = Object.keys(texts),
  context?: string,
) {
  const files: Files = {
    readText: (path) =>
      texts[path] === undefined
        ? Promise.reject(Object.assign(new Error("gone"), { name: "NotFound" }))
        : Promise.resolve(texts[path]),
    watchDirectory: () => ({ [Symbol.dispose]() {} }),
  };
  const connected: FetchOptions[] = [];
  const found = await byKubeconfig({
    ...{ paths, context, files },
    createFetch: (options = {}) => {
      connected.push(options);
      return () => Promise.resolve(Response.json({ connection: connected.length }));
    },
  });
  return { ...found, connected };
}

Deno.test("byKubeconfig() takes the current context, or the one that is named", async () => {
  const contexts = [
    { name: "a", context: { cluster: "a", user: "a" } },
    { name: "b", context: { cluster: "a", user: "a", namespace: "ai" } },
  ];
  const texts = { "/k/config": kubeconfig("a", {}, { token: "t" }, { contexts }) };
  expect(await access(texts)).toMatchObject({
    server: "https://a:6443",
    namespace: "default",
    origin: "context a of /k/config",
  });
  expect(await access(texts, ["/k/config"], "b")).toMatchObject({ namespace: "ai" });
});

Deno.test("byKubeconfig() puts files together as kubectl does: the first wins, absent ones are passed over", async () => {
  const texts = {
    "/k/one": kubeconfig("one", {}, { token: "first" }),
    "/k/two": kubeconfig("two", {}, { token: "second" }),
    "/k/same": kubeconfig("one", { server: "https://other" }, { token: "third" }),
  };
  const all = ["/k/absent", ...Object.keys(texts)];
  const one = await access(texts, all);
  expect([one.server, await one.authorization()]).toEqual(["https://one:6443", "Bearer first"]);
  const two = await access(texts, all, "two");
  expect([two.server, await two.authorization()]).toEqual(["https://two:6443", "Bearer second"]);
});

Deno.test("byKubeconfig() reads a token's file anew each time, relative to the file that names it", async () => {
  const texts: Record<string, string> = {
    "/k/config": kubeconfig("a", {}, { tokenFile: "token", token: "older" }),
    "/k/token": "first\n",
  };
  const { authorization } = await access(texts, ["/k/config"]);
  expect(await authorization()).toBe("Bearer first");
  texts["/k/token"] = "second\n";
  expect(await authorization()).toBe("Bearer second");
});

Deno.test("byKubeconfig() reads the kubeconfig anew after a 401, once for all who ask", async () => {
  const texts = { "/k/config": kubeconfig("a", {}, { token: "first" }) };
  const { authorization, connected } = await access(texts);
  texts["/k/config"] = kubeconfig("a", {}, { token: "second" });
  expect(await authorization()).toBe("Bearer first");
  const renewed = await Promise.all([authorization(true), authorization(true)]);
  expect([...renewed, await authorization()]).toEqual(Array(3).fill("Bearer second"));
  expect(connected).toHaveLength(1);
});

Deno.test("byKubeconfig() shows another client certificate once the kubeconfig has one", async () => {
  const certificate = (name: string) => ({
    "client-certificate-data": btoa(`cert ${name}`),
    "client-key-data": btoa(`key ${name}`),
  });
  const cluster = { "certificate-authority-data": btoa("ca") };
  const texts = { "/k/config": kubeconfig("a", cluster, certificate("one")) };
  const { authorization, fetch, connected } = await access(texts);
  expect(await (await fetch("https://a")).json()).toEqual({ connection: 1 });
  texts["/k/config"] = kubeconfig("a", cluster, certificate("two"));
  expect(await authorization(true)).toBe(undefined);
  expect(await (await fetch("https://a")).json()).toEqual({ connection: 2 });
  expect(connected).toEqual([
    { caCerts: ["ca"], cert: "cert one", key: "key one" },
    { caCerts: ["ca"], cert: "cert two", key: "key two" },
  ]);
});

Deno.test("byKubeconfig() goes through the proxy that the cluster names", async () => {
  const texts = { "/k/config": kubeconfig("a", { "proxy-url": "socks5://127.0.0.1:1080" }) };
  expect((await access(texts)).connected).toEqual([{ proxyUrl: "socks5://127.0.0.1:1080" }]);
});

Deno.test("byKubeconfig() speaks plain HTTP where the kubeconfig says so", async () => {
  const texts = { "/k/config": kubeconfig("a", { server: "http://127.0.0.1:8001" }) };
  expect((await access(texts)).server).toBe("http://127.0.0.1:8001");
});

const FAULTS: [string, Record<string, string>, RegExp, string?][] = [
  ["no file", {}, /^there is no kubeconfig \/k\/config$/],
  ["no YAML", { "/k/config": "{" }, /^the kubeconfig \/k\/config is not valid: /],
  ["nothing in the file", { "/k/config": "" }, /^the kubeconfig \/k\/config is not valid: /],
  [
    "no current context",
    { "/k/config": kubeconfig("a", {}, {}, { "current-context": "" }) },
    /^\/k\/config has no current context: set kubernetes.context to one of: a$/,
  ],
  [
    "no such context",
    { "/k/config": kubeconfig("a") },
    /^\/k\/config has no context 'b'; there are: a$/,
    "b",
  ],
  [
    "no such cluster",
    { "/k/config": kubeconfig("a", {}, {}, { clusters: [] }) },
    /names the cluster 'a', which is not there$/,
  ],
  [
    "no such user",
    { "/k/config": kubeconfig("a", {}, {}, { users: [] }) },
    /names the user 'a', which is not there$/,
  ],
  [
    "insecure-skip-tls-verify",
    { "/k/config": kubeconfig("a", { "insecure-skip-tls-verify": true }) },
    /insecure-skip-tls-verify, which the gateway cannot do: put the cluster's CA there/,
  ],
  [
    "tls-server-name",
    { "/k/config": kubeconfig("a", { "tls-server-name": "kubernetes" }) },
    /tls-server-name, which the gateway cannot do: name kubernetes in its server/,
  ],
  [
    "a user that acts as another",
    { "/k/config": kubeconfig("a", {}, { as: "admin" }) },
    /user 'a' of the kubeconfig acts as 'admin'/,
  ],
  [
    "a plugin that is not there",
    {
      "/k/config": kubeconfig("a", {}, {
        exec: { apiVersion: "client.authentication.k8s.io/v1", command: "./no-such-plugin" },
      }),
    },
    /^the plugin '\/k\/no-such-plugin' of user 'a' of \/k\/config gives no access: .*ENOENT/,
  ],
];

for (const [what, texts, words, context] of FAULTS) {
  Deno.test(`byKubeconfig() says what to do about ${what}`, async () => {
    await expect(access(texts, ["/k/config"], context)).rejects.toThrow(words);
  });
}
