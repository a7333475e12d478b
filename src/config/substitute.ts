/** `${NAME}` and `${NAME:-default}` in the values of the config file. */
import { unsetVariable } from "./unset_variable.ts";

export type Env = Readonly<Record<string, string | undefined>>;

/** The name that a process model's port has in its own texts. */
export const PORT_NAME = "PORT";

export interface Substitution {
  readonly text: string;
  /** Each with the text at fault, as it stands in the file. */
  readonly faults: readonly { readonly written: string; readonly message: string }[];
}

const REFERENCE = /\$\$\{|\$\{([^}]*)(\}?)/g;
const NAMED = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s;

/** The names that `text` refers to. */
export function references(
  text: string,
): { readonly name: string; readonly hasDefault: boolean }[] {
  return [...text.matchAll(REFERENCE)].flatMap(([, inner = ""]) => {
    const [, name, fallback] = NAMED.exec(inner) ?? [];
    return name === undefined ? [] : [{ name, hasDefault: fallback !== undefined }];
  });
}

/**
 * `text` with its references replaced; `$${` becomes `${`. With `keepPort`, `${PORT}` stays: it is the
 * process's. What is put in is not read again.
 */
export function substitute(text: string, env: Env, keepPort: boolean): Substitution {
  const faults: { written: string; message: string }[] = [];
  const result = text.replace(
    REFERENCE,
    (written, inner?: string, end?: string) => {
      if (inner === undefined) return "${";
      const [, name, fallback] = NAMED.exec(inner) ?? [];
      if (name === undefined || !end) {
        faults.push({
          written,
          message: `'${written}' is no reference: write \${NAME} or \${NAME:-default}, ` +
            "and $${ for a '${' that stays",
        });
        return written;
      }
      if (name === PORT_NAME && keepPort) return written;
      const value = Object.hasOwn(env, name) ? env[name] : undefined;
      // As in a shell, `:-` also replaces what is set but empty.
      if (fallback !== undefined) return value || fallback;
      if (value === undefined) {
        faults.push({
          written,
          message: `${unsetVariable(name, env)}: set it, or write \${${name}:-default}`,
        });
      }
      return value ?? "";
    },
  );
  return { text: result, faults };
}
