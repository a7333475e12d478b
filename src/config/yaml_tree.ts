/**
 * YAML text to a tree that knows where each key and value stands. Aliases and merge keys are followed
 * here; nothing is expanded yet, so that a small text cannot become a huge value.
 */
import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  parseDocument,
  type Scalar,
  type YAMLMap,
} from "yaml";
import type { Fault, Place } from "./problem.ts";

export type Tree = MapTree | ListTree | ScalarTree;

export interface MapTree {
  readonly kind: "map";
  readonly place: Place;
  readonly entries: Map<string, Entry>;
  /** Values below this one, aliases expanded, itself included. */
  size: number;
}

export interface Entry {
  readonly key: Place;
  readonly value: Tree;
}

export interface ListTree {
  readonly kind: "list";
  readonly place: Place;
  readonly items: Tree[];
  size: number;
}

export interface ScalarTree {
  readonly kind: "scalar";
  readonly place: Place;
  /** Undefined where an alias leads nowhere. */
  readonly value: string | number | boolean | null | undefined;
  /** The text as written, for a value without quotes. */
  readonly text: string;
  readonly size: 1;
}

/** A ConfigMap can hold no more. */
export const TEXT_MAX = 1024 * 1024;
/** A config of a thousand models, each with every key, has a third of it. */
export const VALUES_MAX = 100_000;

/** Where the tree cannot be read at all there is none, and at least one fault says why. */
export function readTree(text: string): { tree?: Tree; faults: Fault[] } {
  const start = { start: 0, end: 1 };
  if (text.length > TEXT_MAX) {
    return { faults: [{ place: start, message: "the file is larger than 1 MiB" }] };
  }
  const document = parseDocument(text, { uniqueKeys: false, prettyErrors: false });
  const faults = syntaxFaults(document, text);
  if (faults.length > 0) return { faults };
  if (document.contents === null || isEmpty(document.contents as Node)) {
    return {
      faults: [{
        place: start,
        message: "the file is empty: name at least one model below 'models:'",
      }],
    };
  }
  const builder = new TreeBuilder(faults);
  const tree = builder.build(document.contents as Node);
  if (tree.size > VALUES_MAX) {
    return {
      faults: [{ place: start, message: `aliases expand to more than ${VALUES_MAX} values` }],
    };
  }
  return { tree, faults };
}

/** The first fault of each line: what follows on it is mostly its consequence. */
function syntaxFaults(document: Document, text: string): Fault[] {
  const lines = new Set<number>();
  return [...document.errors, ...document.warnings]
    .filter(({ pos: [start] }) => {
      const lineStart = text.lastIndexOf("\n", start - 1) + 1;
      return !lines.has(lineStart) && lines.add(lineStart);
    })
    .map(({ code, message, pos: [start, end] }) =>
      text.startsWith("${", start - 1)
        ? { place: { start: start - 1, end }, message: "within { } or [ ], put '${…}' in quotes" }
        : { place: { start, end }, message: explain(code, message) }
    )
    .slice(0, 20);
}

function isEmpty(node: Node): boolean {
  return isScalar(node) && node.value === null && !node.source;
}

/** The parser's own words, where they do not help somebody who is not writing a parser. */
function explain(code: string, message: string): string {
  switch (code) {
    case "MULTIPLE_DOCS":
      return "only one YAML document is read: remove this '---' and what follows";
    case "BLOCK_AS_IMPLICIT_KEY":
      return "a second ':' on this line: put the value in quotes";
    case "TAG_RESOLVE_FAILED":
      return `${message}: tags have no meaning here`;
    case "TAB_AS_INDENT":
      return "tabs cannot indent YAML: use spaces";
    case "RESOURCE_EXHAUSTION":
      return "too deeply nested";
    default:
      return message;
  }
}

function placeOf(node: Node): Place {
  const [start, end] = node.range ?? [0, 1];
  return { start, end: Math.max(end, start) };
}

class TreeBuilder {
  readonly #anchors = new Map<string, Tree>();
  readonly #faults: Fault[];

  constructor(faults: Fault[]) {
    this.#faults = faults;
  }

  build(node: Node): Tree {
    const tree = this.#build(node);
    // Set after the node is complete: an alias within its own anchor finds nothing.
    if (!isAlias(node) && node.anchor) this.#anchors.set(node.anchor, tree);
    return tree;
  }

  #build(node: Node): Tree {
    if (isAlias(node)) return this.#alias(node);
    if (isMap(node)) return this.#map(node);
    if (isSeq(node)) {
      const items = node.items.map((item) => this.build(item as Node));
      return { kind: "list", place: placeOf(node), items, size: sizeOf(items) };
    }
    const { value, source = String(value ?? "") } = node as Scalar<ScalarTree["value"]>;
    return { kind: "scalar", place: placeOf(node), value, text: source, size: 1 };
  }

  #alias(node: Alias): Tree {
    const tree = this.#anchors.get(node.source);
    if (tree) return tree;
    this.#fault(node, `no anchor '&${node.source}' stands before this alias`);
    return { kind: "scalar", place: placeOf(node), value: undefined, text: "", size: 1 };
  }

  #map(node: YAMLMap): MapTree {
    const entries = new Map<string, Entry>();
    const merged: Entry[] = [];
    for (const pair of node.items) {
      const key = pair.key as Node;
      if (!isScalar(key)) {
        this.#fault(key, "a key must be a plain word");
        continue;
      }
      // As written: a model may be called `7` or `1.0`.
      const name = key.source ?? String(key.value);
      const value = pair.value ? this.build(pair.value as Node) : nothing(placeOf(key));
      const entry = { key: placeOf(key), value };
      if (name === "<<" && key.type === "PLAIN") merged.push(entry);
      else if (name === "__proto__") this.#fault(key, "'__proto__' cannot be a key");
      else if (entries.has(name)) this.#fault(key, `'${name}' is here twice: remove one`);
      else entries.set(name, entry);
    }
    for (const entry of merged) this.#merge(entry, entries);
    const size = sizeOf([...entries.values()].map((entry) => entry.value));
    return { kind: "map", place: placeOf(node), entries, size };
  }

  /** `<<: *defaults`: what the map says itself goes first, then the first of several. */
  #merge({ key, value }: Entry, into: Map<string, Entry>): void {
    const maps = value.kind === "list" ? value.items : [value];
    for (const map of maps) {
      if (map.kind === "scalar" && map.value === undefined) continue;
      if (map.kind !== "map") {
        this.#faults.push({ place: key, message: "'<<' takes a mapping or a list of mappings" });
        continue;
      }
      for (const [name, entry] of map.entries) if (!into.has(name)) into.set(name, entry);
    }
  }

  #fault(node: Node, message: string): void {
    this.#faults.push({ place: placeOf(node), message });
  }
}

function nothing(place: Place): ScalarTree {
  return { kind: "scalar", place, value: null, text: "", size: 1 };
}

function sizeOf(children: readonly Tree[]): number {
  return children.reduce((sum, child) => sum + child.size, 1);
}

/** What leads from the root to a value: keys and indexes. */
export type Path = readonly (string | number)[];

/** The part of the tree at `path`, or undefined. */
export function treeAt(tree: Tree, path: Path): Tree | undefined {
  return path.reduce<Tree | undefined>((at, step) => {
    if (at?.kind === "map") return at.entries.get(String(step))?.value;
    return at?.kind === "list" ? at.items[Number(step)] : undefined;
  }, tree);
}

/** Where the key at `path` stands, an item's value in a list; where it is missing, its parent's key. */
export function keyPlace(tree: Tree, path: Path): Place {
  if (path.length === 0) return firstOf(tree);
  const parent = treeAt(tree, path.slice(0, -1));
  const last = path[path.length - 1]!;
  if (parent?.kind === "map") {
    const entry = parent.entries.get(String(last));
    if (entry) return entry.key;
  }
  if (parent?.kind === "list") {
    const item = parent.items[Number(last)];
    if (item) return firstOf(item);
  }
  return keyPlace(tree, path.slice(0, -1));
}

/** Where the value at `path` stands; a mapping or a list by its first line. */
export function valuePlace(tree: Tree, path: Path): Place {
  const value = treeAt(tree, path);
  if (value?.kind === "scalar" && value.place.end > value.place.start) return value.place;
  return keyPlace(tree, path);
}

/** The first key of a mapping stands for all of it. */
function firstOf(tree: Tree): Place {
  const [first] = tree.kind === "map" ? tree.entries.values() : [];
  return first?.key ?? { start: tree.place.start, end: tree.place.start + 1 };
}
