/**
 * The rules of this house for `deno lint`: who may name the ambient world, who may import whom, how
 * long a function may be.
 */
import { Bindings } from "./bindings.ts";
import { edgeFault, mayNameTheWorld } from "./layers.ts";

type Node = Deno.lint.Node;
type RuleContext = Deno.lint.RuleContext;

export const FUNCTION_LINES_MAX = 70;

const CLOCK = "take a Clock (src/platform/clock.ts) as an argument";
const RANDOM = "take a Random (src/platform/random.ts) as an argument";
const SYSTEM = "declare the port in src/platform and take it as an argument";

/** Globals by name, and what to do instead. */
const AMBIENT: ReadonlyMap<string, string> = new Map([
  ["Deno", SYSTEM],
  ["process", SYSTEM],
  ["globalThis", SYSTEM],
  ["fetch", "take a Fetch (src/platform/fetch.ts) as an argument"],
  ["WebSocket", SYSTEM],
  ["setTimeout", CLOCK],
  ["setInterval", CLOCK],
  ["setImmediate", CLOCK],
  ["performance", CLOCK],
  ["console", "take a Log (src/telemetry/log.ts) as an argument"],
]);

/** Members of globals that are otherwise free to use. */
const AMBIENT_MEMBERS: ReadonlyMap<string, string> = new Map([
  ["Date.now", CLOCK],
  ["AbortSignal.timeout", CLOCK],
  ["Math.random", RANDOM],
  ["crypto.randomUUID", RANDOM],
  ["crypto.getRandomValues", RANDOM],
]);

/** `[what is named, what to do instead]` if the global `node` is ambient here. */
function ambientUse(node: Deno.lint.Identifier): [string, string] | undefined {
  const whole = AMBIENT.get(node.name);
  if (whole) return [node.name, whole];
  const parent = node.parent as Node;
  if (parent.type === "MemberExpression" && parent.object === node) {
    const { property } = parent;
    const key = property.type === "Identifier" && !parent.computed
      ? property.name
      : property.type === "Literal" && property.value;
    const name = `${node.name}.${key}`;
    const instead = AMBIENT_MEMBERS.get(name);
    return instead === undefined ? undefined : [name, instead];
  }
  if (node.name !== "Date") return undefined;
  const made = parent.type === "NewExpression" || parent.type === "CallExpression";
  if (!made || parent.callee !== node) return undefined;
  if (parent.type === "NewExpression" && parent.arguments.length > 0) return undefined;
  return ["the current Date", CLOCK];
}

/** Only the platform, the commands and tests may name the world; the rest is given it. */
const ambient: Deno.lint.Rule = {
  create(context) {
    if (mayNameTheWorld(repositoryPath(context.filename))) return {};
    const bindings = new Bindings();
    return {
      Identifier: (node) => bindings.see(node),
      "Program:exit"() {
        for (const node of bindings.globals()) {
          const use = ambientUse(node);
          if (!use) continue;
          const message = `Only src/platform, src/cli and main.ts may name ${
            use[0]
          }: everything else is given it`;
          context.report({ node, message, hint: use[1] });
        }
      },
    };
  },
};

/** Imports go downwards; `layers.ts` says what stands where. */
const layers: Deno.lint.Rule = {
  create(context) {
    const from = repositoryPath(context.filename);
    const check = (node: Node, source: Node | null) => {
      if (source?.type !== "Literal" || typeof source.value !== "string") return;
      const message = edgeFault(from, source.value);
      if (message) context.report({ node, message });
    };
    return {
      ImportDeclaration: (node) => check(node, node.source),
      ExportNamedDeclaration: (node) => check(node, node.source),
      ExportAllDeclaration: (node) => check(node, node.source),
      ImportExpression: (node) => check(node, node.source),
      TSImportType: (node) =>
        check(node, node.argument.type === "TSLiteralType" ? node.argument.literal : null),
    };
  },
};

/** A function that does not fit on a page is two functions. */
const functionLength: Deno.lint.Rule = {
  create(context) {
    const check = (node: Node) => {
      const lines = context.sourceCode.getText(node).split("\n").length;
      if (lines <= FUNCTION_LINES_MAX) return;
      const message = `This function has ${lines} lines, at most ${FUNCTION_LINES_MAX} are allowed`;
      context.report({ node, message, hint: "Find the idea in it that has a name of its own" });
    };
    return {
      FunctionDeclaration: check,
      FunctionExpression: check,
      ArrowFunctionExpression: check,
    };
  },
};

/** The linter names files by their absolute path. */
function repositoryPath(filename: RuleContext["filename"]): string {
  const root = new URL("..", import.meta.url).pathname;
  const path = filename.replaceAll("\\", "/");
  const at = decodeURI(root);
  return path.startsWith(at) ? path.slice(at.length) : path;
}

export default {
  name: "house",
  rules: { ambient, layers, "function-length": functionLength },
} satisfies Deno.lint.Plugin;
