import { expect } from "expect";
import { readLines } from "./lines.ts";

const encoder = new TextEncoder();

function streamOf(...pieces: string[]): ReadableStream<Uint8Array<ArrayBuffer>> {
  return ReadableStream.from(pieces.map((piece) => encoder.encode(piece)));
}

Deno.test("readLines() gives lines, however they are cut, and tells of each piece", async () => {
  let pieces = 0;
  const lines = readLines(streamOf("a\nb", "c\n\n", "d\nno end"), undefined, () => pieces++);
  expect(await Array.fromAsync(lines)).toEqual(["a", "bc", "d"]);
  expect(pieces).toBe(3);
});

Deno.test("readLines() keeps a letter whole that two pieces share", async () => {
  const [first, second] = [encoder.encode("ü\n").slice(0, 1), encoder.encode("ü\n").slice(1)];
  expect(await Array.fromAsync(readLines(ReadableStream.from([first, second])))).toEqual(["ü"]);
});

Deno.test("readLines() ends with its signal where the stream does not, and lets go of it", async () => {
  const abort = new AbortController();
  const reason = new Error("closed");
  let isCancelled = false;
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start: (controller) => controller.enqueue(encoder.encode("a\n")),
    cancel: () => void (isCancelled = true),
  });
  const lines = readLines(stream, abort.signal);
  expect((await lines.next()).value).toBe("a");
  const next = lines.next();
  abort.abort(reason);
  await expect(next).rejects.toBe(reason);
  expect(isCancelled).toBe(true);
});

Deno.test("readLines() lets go of a stream that nobody reads on", async () => {
  let isCancelled = false;
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start: (controller) => controller.enqueue(encoder.encode("a\n")),
    cancel: () => void (isCancelled = true),
  });
  for await (const line of readLines(stream)) {
    expect(line).toBe("a");
    break;
  }
  expect(isCancelled).toBe(true);
});
