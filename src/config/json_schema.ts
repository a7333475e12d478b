/** The config file's JSON Schema (draft 2020-12), for editors: the same schema that the program uses. */
import * as z from "zod";
import { configSchema } from "./schema.ts";

export const SCHEMA_FILE = "config.schema.json";

/** The text of `config.schema.json`. */
export function jsonSchemaText(): string {
  const schema = z.toJSONSchema(configSchema, {
    io: "input",
    override: ({ jsonSchema, path }) => {
      if (path.at(-1) !== "propertyNames") allowReference(jsonSchema);
    },
  });
  return `${JSON.stringify(schema, null, 2)}\n`;
}

/** Where only certain texts or another kind of value may stand, `${NAME}` may stand too. */
function allowReference(schema: z.core.JSONSchema.BaseSchema): void {
  const { type, pattern, enum: words, const: only } = schema;
  if (only !== undefined) return;
  if (type === "string" && pattern !== undefined) {
    schema.pattern = `${pattern}|${REFERENCE}`;
  } else if (type === "string" && words !== undefined) {
    delete schema.type;
    delete schema.enum;
    schema.anyOf = [{ type, enum: words }, { type, pattern: REFERENCE }];
  } else if (type === "number" || type === "integer" || type === "boolean") {
    // A pattern says nothing of numbers, a minimum nothing of texts.
    Object.assign(schema, { type: [type, "string"], pattern: REFERENCE });
  }
}

const REFERENCE = "\\$\\{";
