/** Chat requests of a given size. */

/** One for `model` of `bytes`, or little more. */
export function chatOf(model: string, bytes: number, more: Record<string, unknown> = {}): string {
  const write = (content: string) =>
    JSON.stringify({ model, ...more, messages: [{ role: "user", content }] });
  return write("x".repeat(Math.max(1, bytes - write("").length)));
}

/** The same as a file in `dir`. */
export async function chatFile(dir: string, model: string, bytes: number): Promise<string> {
  const file = `${dir}/${model}-${bytes}.json`;
  await Deno.writeTextFile(file, chatOf(model, bytes));
  return file;
}
