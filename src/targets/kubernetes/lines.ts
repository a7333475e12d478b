/** A byte stream as its lines, each bounded. */

/** An object in etcd is 1.5 MiB at most; JSON makes it longer, not ten times longer. */
const LINE_MAX = 16 * 2 ** 20;

/** @throws if a line is too long, or what the stream breaks with */
export async function* readLines(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
): AsyncGenerator<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    if (rest.length > LINE_MAX) throw new Error(`a line is longer than ${LINE_MAX} characters`);
    for (const line of lines) if (line !== "") yield line;
  }
}
