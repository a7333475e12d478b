/** What `deploy/kustomize` applies is what `manifests` prints for its config. */
import { expect } from "expect";
import { parse, parseAllDocuments } from "yaml";
import deno from "../deno.json" with { type: "json" };
import { programCommand } from "../src/testing/program.ts";

const ROOT = new URL("../", import.meta.url).pathname;
const FOLDER = `${ROOT}deploy/kustomize`;

// deno-lint-ignore no-explicit-any
type Json = any;

const read = (name: string) => Deno.readTextFile(`${FOLDER}/${name}`);

/** The folder as kustomize renders it: the few of its transformers that are used. */
async function rendered(): Promise<Json[]> {
  const all = parse(await read("kustomization.yaml"));
  const texts = await Promise.all(all.resources.map(read));
  const objects: Json[] = texts.flatMap((text) =>
    parseAllDocuments(text).map((each) => each.toJS())
  );
  for (const { name, files } of all.configMapGenerator) {
    const data: Record<string, string> = {};
    for (const file of files) data[file] = await read(file);
    objects.push({ apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data });
  }
  const [labels] = all.labels;
  const [image] = all.images;
  for (const { kind, metadata, spec, subjects } of objects) {
    metadata.labels = { ...metadata.labels, ...labels.pairs };
    if (kind !== "Namespace") metadata.namespace = all.namespace;
    for (const subject of subjects ?? []) subject.namespace = all.namespace;
    if (kind === "Service") spec.selector = labels.pairs;
    if (kind !== "Deployment") continue;
    spec.selector = { matchLabels: labels.pairs };
    spec.template.metadata = { labels: labels.pairs };
    for (const container of spec.template.spec.containers) {
      if (container.image === image.name) container.image = `${image.name}:${image.newTag}`;
    }
  }
  return objects;
}

/** By kind; a Role as the rights that it grants, however its rules are cut. */
function comparable(objects: Json[]): Json[] {
  return objects.map((object) => object.rules ? { ...object, rules: rights(object) } : object)
    .sort((a, b) => a.kind.localeCompare(b.kind));
}

function rights({ rules }: Json): string[] {
  return rules.flatMap((rule: Record<string, string[]>) =>
    rule.apiGroups!.flatMap((group) =>
      rule.resources!.flatMap((resource) =>
        rule.verbs!.map((verb) =>
          [verb, `${resource}.${group}`, ...rule.resourceNames ?? []].join(" ")
        )
      )
    )
  ).sort();
}

Deno.test("deploy/kustomize applies what `manifests` prints for its config", async () => {
  const objects = await rendered();
  const [namespace] = objects.filter(({ kind }) => kind === "Namespace");
  const args = ["manifests", "--config", `${FOLDER}/config.yaml`, "--any-workload", "--json"];
  const { stdout } = await programCommand([...args, "--namespace", namespace.metadata.name], {
    env: { KUBECONFIG: "/nowhere" },
    stderr: "null",
  }).output();
  const printed = JSON.parse(new TextDecoder().decode(stdout)).items;
  // Who may speak to whom is the cluster's: `manifests` cannot know.
  const applied = objects.filter(({ kind }) => !["Namespace", "NetworkPolicy"].includes(kind));
  expect(comparable(applied)).toEqual(comparable(printed));
  const { images: [image] } = parse(await read("kustomization.yaml"));
  expect(image.newTag).toBe(deno.version);
});
