/** What a schema says about a place in the file: which keys it may have, which kinds of value. */
import type * as z from "zod";

/** The alternatives at one place: more than one for "a word or a mapping". */
export type Alternatives = readonly z.ZodType[];

interface Def {
  readonly type: string;
  readonly innerType?: z.ZodType;
  readonly options?: readonly z.ZodType[];
  readonly shape?: Record<string, z.ZodType>;
  readonly element?: z.ZodType;
  readonly valueType?: z.ZodType;
  readonly values?: readonly unknown[];
}

function defOf(schema: z.ZodType): Def {
  return schema.def as unknown as Def;
}

/** `schema` without optional, default and union around it. */
export function alternatives(schema: z.ZodType): Alternatives {
  const { innerType, options } = defOf(schema);
  if (innerType) return alternatives(innerType);
  return options ? options.flatMap(alternatives) : [schema];
}

/** What may stand below `step`. */
export function below(at: Alternatives, step: string | number): Alternatives {
  return at.flatMap((schema) => {
    const { shape, element, valueType } = defOf(schema);
    const child = shape
      ? (Object.hasOwn(shape, step) ? shape[step] : undefined)
      : element ?? valueType;
    return child ? alternatives(child) : [];
  });
}

/** The keys that a mapping here may have; none where any key may stand. */
export function keysAt(at: Alternatives): string[] {
  return at.flatMap((schema) => Object.keys(defOf(schema).shape ?? {}));
}

/** The words that may stand here, if only certain words may. */
export function wordsAt(at: Alternatives): string[] {
  return at.flatMap((schema) =>
    defOf(schema).type === "enum" ? (schema as z.ZodEnum).options.map(String) : []
  );
}

/** True if a number, a boolean or a text may stand here. */
export function takes(at: Alternatives, kind: "number" | "boolean" | "string"): boolean {
  return at.some((schema) => {
    const { type, values } = defOf(schema);
    if (type === "enum") return kind === "string";
    if (type === "literal") return values?.some((value) => typeof value === kind) ?? false;
    return type === kind;
  });
}
