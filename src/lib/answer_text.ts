/** A small answer, whole at once. */

export interface AnswerOptions {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

export function answerText(
  text: string,
  type: string,
  { status = 200, headers = {} }: AnswerOptions = {},
): Response {
  const body = new TextEncoder().encode(text);
  return new Response(body, {
    status,
    headers: { ...headers, "content-type": type, "content-length": String(body.length) },
  });
}
