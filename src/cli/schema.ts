/** `schema`: the config file's JSON Schema, for editors. */
import { jsonSchemaText } from "../config/json_schema.ts";

/** Gives the exit code; `out` takes text without its last newline. */
export function schemaCommand(options: { readonly out: (text: string) => void }): 0 {
  options.out(jsonSchemaText().trimEnd());
  return 0;
}
