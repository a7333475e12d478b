/** What the gateway needs of a request's body, and the one change that it ever makes to one. */

export interface RequestFields {
  /** Undefined if it is missing, null or empty. */
  readonly model: string | undefined;
  /** True only if the body asks for a stream in so many words. */
  readonly stream: boolean;
  /** Where the model's value stands: a JSON string with its quotes, or a form field's content. */
  readonly modelToken?: { readonly start: number; readonly end: number };
}

/** `body` with another model name: that one token is replaced, every other byte stays as it came. */
export function renameModel(
  body: Uint8Array<ArrayBuffer>,
  { modelToken }: RequestFields,
  name: string,
  format: "json" | "multipart",
): Uint8Array<ArrayBuffer> {
  if (!modelToken) return body;
  const token = new TextEncoder().encode(format === "json" ? JSON.stringify(name) : name);
  const renamed = new Uint8Array(
    body.length - (modelToken.end - modelToken.start) + token.length,
  );
  renamed.set(body.subarray(0, modelToken.start));
  renamed.set(token, modelToken.start);
  renamed.set(body.subarray(modelToken.end), modelToken.start + token.length);
  return renamed;
}
