/**
 * The files of a kubeconfig, put together as kubectl does: the first that names something wins, a file
 * that is not there is passed over, and paths are relative to the file that names them. Kubernetes' own client, of which
 * we take what reads them, is large: this file is loaded only where there is one.
 */
import {
  type Cluster,
  type Context,
  KubeConfig,
  loadYaml,
  type User,
} from "@kubernetes/client-node";
import { dirname, isAbsolute, join } from "node:path";
import type { Files } from "../../platform/files.ts";

export interface KubeconfigFiles {
  /** For messages. */
  readonly origin: string;
  /** By name, as all of these. */
  readonly clusters: ReadonlyMap<string, Cluster>;
  readonly contexts: ReadonlyMap<string, Context>;
  readonly users: ReadonlyMap<string, User>;
  /** Absolute paths, by the user's name. */
  readonly tokenFiles: ReadonlyMap<string, string>;
  readonly currentContext: string;
}

interface RawUser {
  readonly name: string;
  readonly user?: { readonly tokenFile?: string } | null;
}

/** @throws Error that names the file */
export async function readKubeconfigs(
  paths: readonly string[],
  files: Files,
): Promise<KubeconfigFiles> {
  const clusters = new Map<string, Cluster>();
  const contexts = new Map<string, Context>();
  const users = new Map<string, User>();
  const tokenFiles = new Map<string, string>();
  let currentContext = "";
  let found = 0;
  for (const path of paths) {
    const text = await textOf(path, files);
    if (text === undefined) continue;
    found++;
    const file = parsed(path, text);
    const raw = loadYaml<{ users?: readonly RawUser[] }>(text).users ?? [];
    currentContext ||= file.currentContext;
    for (const cluster of file.clusters) keep(clusters, cluster);
    for (const context of file.contexts) keep(contexts, context);
    for (const user of file.users) {
      if (!keep(users, user.exec ? { ...user, exec: execOf(user.exec, dirname(path)) } : user)) {
        continue;
      }
      const tokenFile = raw.find(({ name }) => name === user.name)?.user?.tokenFile;
      if (tokenFile) tokenFiles.set(user.name, from(dirname(path), tokenFile));
    }
  }
  const origin = paths.join(":");
  if (found === 0) throw new Error(`there is no kubeconfig ${origin}`);
  return { origin, clusters, contexts, users, tokenFiles, currentContext };
}

async function textOf(path: string, files: Files): Promise<string | undefined> {
  try {
    return await files.readText(path);
  } catch (error) {
    if ((error as Error).name === "NotFound") return undefined;
    throw new Error(`cannot read the kubeconfig ${path}: ${(error as Error).message}`);
  }
}

/** One with nothing in it yet. */
export function createKubeConfig(): KubeConfig {
  return new KubeConfig();
}

function parsed(path: string, text: string) {
  const config = createKubeConfig();
  try {
    config.loadFromString(text);
  } catch (error) {
    const [line] = (error as Error).message.split("\n");
    throw new Error(`the kubeconfig ${path} is not valid: ${line}`);
  }
  config.makePathsAbsolute(dirname(path));
  return {
    clusters: config.getClusters(),
    contexts: config.getContexts(),
    users: config.getUsers(),
    currentContext: config.getCurrentContext() ?? "",
  };
}

function keep<T extends { readonly name: string }>(all: Map<string, T>, item: T): boolean {
  if (all.has(item.name)) return false;
  all.set(item.name, item);
  return true;
}

interface Exec {
  readonly apiVersion?: string;
  readonly command?: string;
  readonly env?: readonly { readonly name: string; readonly value: string }[] | null;
}

/** Plugins learn by `KUBERNETES_EXEC_INFO` in which version to answer. */
function execOf(exec: Exec, dir: string): Exec {
  const { apiVersion, command = "", env } = exec;
  const info = { kind: "ExecCredential", apiVersion, spec: { interactive: false } };
  return {
    ...exec,
    // Without a slash it is found by PATH.
    command: command.includes("/") ? from(dir, command) : command,
    env: [{ name: "KUBERNETES_EXEC_INFO", value: JSON.stringify(info) }, ...(env ?? [])],
  };
}

function from(dir: string, path: string): string {
  return isAbsolute(path) ? path : join(dir, path);
}
