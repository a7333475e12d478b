/** An account of a test namespace with exactly the rights that a test gives it, and what shows it. */
import { parse, parseAllDocuments } from "yaml";
import { TEST_KUBECONFIG, type TestNamespace } from "./control_plane.ts";

const RBAC = "/apis/rbac.authorization.k8s.io/v1";

export interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

/** All that can be done in a namespace. */
export const EVERYTHING: readonly Rule[] = [{ apiGroups: ["*"], resources: ["*"], verbs: ["*"] }];

/** The rules of the Role that we deliver. */
export async function deliveredRole(): Promise<Rule[]> {
  const file = new URL("../../deploy/kustomize/rbac.yaml", import.meta.url);
  return parseAllDocuments(await Deno.readTextFile(file))
    .map((document) => document.toJS()).find(({ kind }) => kind === "Role").rules;
}

/** Makes the account, a Role of the same name and its binding; resolves with a token, good for an hour. */
export async function createAccount(
  namespace: TestNamespace,
  name: string,
  rules: readonly Rule[] = [],
): Promise<string> {
  const { name: place } = namespace;
  await namespace.create("/api/v1", "serviceaccounts", { metadata: { name } });
  await namespace.create(RBAC, "roles", { metadata: { name }, rules });
  await namespace.create(RBAC, "rolebindings", {
    metadata: { name },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name },
    subjects: [{ kind: "ServiceAccount", name, namespace: place }],
  });
  return await tokenOf(namespace, name);
}

/** Of an account that is there, good for an hour. */
export async function tokenOf({ api, name: place }: TestNamespace, name: string): Promise<string> {
  const { status } = await api.call<{ status: { token: string } }>({
    ...{ verb: "create", method: "POST", body: { spec: { expirationSeconds: 3600 } } },
    path: `/api/v1/namespaces/${place}/serviceaccounts/${name}/token`,
  });
  return status.token;
}

/** The cluster of the tests, as a kubeconfig names it. */
export interface TestCluster {
  readonly server: string;
  /** PEM. */
  readonly ca: string;
  /** The user of the tests, as it stands in their kubeconfig. */
  readonly user: Readonly<Record<string, unknown>>;
}

/** What `$TEST_KUBECONFIG` says; certificates and keys in it, not beside it. */
export async function readTestCluster(): Promise<TestCluster> {
  const config = parse(await Deno.readTextFile(TEST_KUBECONFIG!));
  const named = (list: { name: string }[], name: string) =>
    // deno-lint-ignore no-explicit-any
    list.find((each) => each.name === name) as any;
  const { context } = named(config.contexts, config["current-context"]);
  const { cluster } = named(config.clusters, context.cluster);
  const { user } = named(config.users, context.user);
  return { server: cluster.server, ca: atob(cluster["certificate-authority-data"]), user };
}
