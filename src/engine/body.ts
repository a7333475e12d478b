/** From bytes to a checked JSON object, with the complaints of FastAPI and pydantic. */
import type { Call } from "./core.ts";
import { invalid, UnreadableBody } from "./fault.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

export type FieldKind = "list" | "any" | "integer";

/** @throws {Fault | UnreadableBody} unless the body is a JSON object with these fields */
export function jsonBody(call: Call, required: Readonly<Record<string, FieldKind>>): JsonObject {
  const contentType = call.headers.get("content-type")?.split(";").at(0)?.trim().toLowerCase();
  if (contentType !== "application/json") {
    throw invalid(null, ["Unsupported Media Type: Only 'application/json' is allowed"]);
  }
  const body = parse(decode(call.body));
  const problems = Object.entries(required)
    .map(([name, kind]) => ({ loc: `body.${name}`, problem: fieldProblem(body, name, kind) }))
    .filter(({ problem }) => problem !== undefined);
  if (problems.length === 0) return body;
  throw invalid(problems[0]!.loc, problems.map(({ problem }) => problem!));
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new UnreadableBody();
  }
}

function parse(text: string): JsonObject {
  if (text === "") throw invalid("body", [problem("missing", "body", "Field required", "None")]);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const [at, reason] = jsonProblem(text, (error as Error).message);
    const loc = `body.${at}`;
    throw invalid(loc, [
      `{'type': 'json_invalid', 'loc': '${loc}', 'msg': 'JSON decode error', ` +
      `'input': '<dict of 0 items>', 'ctx': {'error': '${reason}'}}`,
    ]);
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as JsonObject;
  }
  throw invalid("body", [
    problem(
      "model_attributes_type",
      "body",
      "Input should be a valid dictionary or object to extract fields from",
      pythonKind(value),
    ),
  ]);
}

/** V8's complaint in Python's words; the position is V8's. */
function jsonProblem(text: string, message: string): [at: number, reason: string] {
  const at = Number(/at position (\d+)/.exec(message)?.[1] ?? text.length);
  if (/property name/.test(message)) {
    return [at, "Expecting property name enclosed in double quotes"];
  }
  if (/non-whitespace/.test(message)) return [at, "Extra data"];
  return [at, "Expecting value"];
}

function fieldProblem(body: JsonObject, name: string, kind: FieldKind): string | undefined {
  const value = body[name];
  const loc = `body.${name}`;
  if (value === undefined) return problem("missing", loc, "Field required", pythonKind(body));
  if (kind === "list" && !Array.isArray(value)) {
    return problem("list_type", loc, "Input should be a valid list", pythonKind(value));
  }
  if (kind === "integer" && !Number.isInteger(value)) {
    return problem("int_type", loc, "Input should be a valid integer", pythonKind(value));
  }
  return undefined;
}

export function problem(type: string, loc: string, msg: string, input: string): string {
  return `{'type': '${type}', 'loc': '${loc}', 'msg': '${msg}', 'input': '${input}'}`;
}

function pythonKind(value: unknown): string {
  if (Array.isArray(value)) return `<list of ${value.length} items>`;
  if (typeof value === "object" && value !== null) {
    return `<dict of ${Object.keys(value).length} items>`;
  }
  return value === null ? "None" : String(value);
}

/** A number field, or `undefined` where there is none. */
export function numberField(body: JsonObject, ...names: string[]): number | undefined {
  const name = names.find((name) => typeof body[name] === "number");
  return name === undefined ? undefined : body[name] as number;
}
