/**
 * Which names in a file mean the global of that name: the linter gives a plugin a tree without
 * scopes, so that `fetch` as a parameter has to be told from `fetch` the global here.
 */

type Node = Deno.lint.Node;
type Identifier = Deno.lint.Identifier;

const SCOPES = new Set<Node["type"]>([
  "Program",
  "BlockStatement",
  "StaticBlock",
  "SwitchStatement",
  "ForStatement",
  "ForInStatement",
  "ForOfStatement",
  "CatchClause",
  "FunctionDeclaration",
  "FunctionExpression",
  "ArrowFunctionExpression",
]);

const FUNCTIONS = new Set<Node["type"]>([
  "FunctionDeclaration",
  "FunctionExpression",
  "ArrowFunctionExpression",
]);

/** Of the type syntax, what refers to a value; elsewhere an identifier is a label or a type's name. */
const TYPE_REFERENCES = new Set<Node["type"]>([
  "TSTypeReference",
  "TSTypeQuery",
  "TSInterfaceHeritage",
  "TSClassImplements",
  "TSAsExpression",
  "TSSatisfiesExpression",
  "TSNonNullExpression",
  "TSTypeAssertion",
  "TSInstantiationExpression",
  "TSExportAssignment",
]);

/** What an identifier at its place does. */
type Role = "reference" | "label" | { readonly binds: Node };

/** Gathers the identifiers of one file; what refers to a global is known when all were seen. */
export class Bindings {
  readonly #references: Identifier[] = [];
  readonly #bound: { readonly name: string; readonly scope: Node }[] = [];

  see(node: Identifier): void {
    const role = roleOf(node);
    if (role === "reference") this.#references.push(node);
    else if (role !== "label") this.#bound.push({ name: node.name, scope: role.binds });
  }

  /** The identifiers that no declaration of this file explains, in the order seen. */
  globals(): Identifier[] {
    return this.#references.filter((node) =>
      !this.#bound.some(({ name, scope }) => name === node.name && within(node, scope))
    );
  }
}

function within(node: Node, scope: Node): boolean {
  return scope.range[0] <= node.range[0] && node.range[1] <= scope.range[1];
}

function roleOf(node: Identifier): Role {
  const parent = parentOf(node);
  if (isLabel(node, parent)) return "label";
  if (parent.type.startsWith("Import")) return { binds: scopeOf(parent) };
  if (parent.type === "FunctionDeclaration" || parent.type === "ClassDeclaration") {
    if (parent.id === node) return { binds: scopeOf(parent.parent) };
  }
  const [top, owner] = patternOf(node);
  if (owner.type === "VariableDeclarator" && owner.id === top) return { binds: scopeOf(owner) };
  if (owner.type === "CatchClause") return { binds: owner };
  if (FUNCTIONS.has(owner.type) && (owner as Deno.lint.FunctionExpression).body !== top) {
    return { binds: owner };
  }
  return "reference";
}

function isLabel(node: Identifier, parent: Node): boolean {
  switch (parent.type) {
    case "MemberExpression":
      return parent.property === node && !parent.computed;
    case "Property":
    case "PropertyDefinition":
    case "MethodDefinition":
      return parent.key === node && !parent.computed;
    case "ImportSpecifier":
      return parent.local !== node;
    case "ExportSpecifier":
    case "MetaProperty":
    case "LabeledStatement":
    case "BreakStatement":
    case "ContinueStatement":
      return true;
    case "TSQualifiedName":
      return parent.left !== node;
  }
  const { type } = parent;
  return type.startsWith("TS") && !TYPE_REFERENCES.has(type) && !isParameterProperty(parent);
}

/** The outermost pattern that `node` is a name in, and what that pattern belongs to. */
function patternOf(node: Identifier): [Node, Node] {
  let top: Node = node;
  let owner = parentOf(node);
  while (isPartOfPattern(top, owner)) [top, owner] = [owner, parentOf(owner)];
  return [top, owner];
}

function isPartOfPattern(part: Node, whole: Node): boolean {
  if (whole.type === "Property") {
    return whole.value === part && whole.parent.type === "ObjectPattern";
  }
  if (whole.type === "AssignmentPattern") return whole.left === part;
  return ["ObjectPattern", "ArrayPattern", "RestElement"].includes(whole.type) ||
    isParameterProperty(whole);
}

function scopeOf(node: Node): Node {
  let scope = node;
  while (!SCOPES.has(scope.type)) scope = parentOf(scope);
  return scope;
}

/** `constructor(readonly a: A)`; Deno's type of all nodes leaves it out. */
function isParameterProperty(node: Node): boolean {
  return (node.type as string) === "TSParameterProperty";
}

/** All nodes but the program have one, and nobody asks the program. */
function parentOf(node: Node): Node {
  return (node as Identifier).parent as Node;
}
