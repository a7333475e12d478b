/** A byte stream as its lines, each bounded. */

/** An object in etcd is 1.5 MiB at most; JSON makes it longer, not ten times longer. */
const LINE_MAX = 16 * 2 ** 20;

/**
 * Calls `onPiece` for each piece of a line too: a slow connection is not a dead one.
 * @throws if a line is too long, or what the stream breaks with
 */
export async function* readLines(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  onPiece: () => void = () => {},
): AsyncGenerator<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    onPiece();
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    if (rest.length > LINE_MAX) throw new Error(`a line is longer than ${LINE_MAX} characters`);
    for (const line of lines) if (line !== "") yield line;
  }
}
