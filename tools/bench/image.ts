/**
 * What the image costs, from its files in a bare root: its size, its memory with 500 open streams, and whether it lives
 * in 128 MiB while prompts of 64 KB arrive. Memory is measured under a limit, from which V8 takes the size of its heap.
 */
import { pause, systemClock as clock } from "../../src/platform/clock.ts";
import { GatewayProcess } from "../../src/testing/gateway_process.ts";
import { ImageRoot, noImageRoot } from "../../src/testing/image_root.ts";
import { MemoryLimit } from "./memory_limit.ts";
import { tellOne } from "./figures.ts";
import { residentMiB } from "./processor_time.ts";

const STREAMS = 500;
/** What the manifests give it. */
const ROOMY_MIB = 1024;
const TIGHT_MIB = 128;
/** V8 allows itself a heap of 256 MiB at least, and allocators keep some for each thread. */
const TIGHT = { DENO_V8_FLAGS: "--max-old-space-size=36", MALLOC_ARENA_MAX: "1" };
const PROMPT = "x".repeat(64 * 1024);
const PROMPTS = 2_000;
const PROMPTS_AT_ONCE = 200;

export async function image(): Promise<void> {
  const reason = noImageRoot();
  if (reason) return console.log(`image: skipped, ${reason}`);
  await using root = await ImageRoot.create();
  await sizes(root.dir);
  await memory(root);
  await tight(root);
}

/** Of the layer that is ours; the base comes on top. */
async function sizes(dir: string): Promise<void> {
  for (const part of ["app", "usr/local/bin", "var/cache/deno"]) {
    tellOne(`image: /${part}`, await sizeOf(dir, [part]));
  }
  tellOne("image: our layer", await sizeOf(dir, ["app", "usr/local/bin", "var/cache/deno"]));
}

async function sizeOf(dir: string, paths: readonly string[]): Promise<string> {
  const tar = new Deno.Command("tar", { args: ["-cC", dir, ...paths], stdout: "piped" }).spawn();
  const [plain, packed] = tar.stdout.tee();
  const bytes = async (stream: ReadableStream<Uint8Array>) => {
    let sum = 0;
    for await (const chunk of stream) sum += chunk.length;
    return sum;
  };
  const [all, compressed] = await Promise.all([
    bytes(plain),
    bytes(packed.pipeThrough(new CompressionStream("gzip"))),
  ]);
  await tar.status;
  return `${(all / 1e6).toFixed(1)} MB, ${(compressed / 1e6).toFixed(1)} MB with gzip`;
}

/** Streams that say a word a second until they are left. */
class Upstream implements AsyncDisposable {
  readonly #end = new AbortController();
  readonly #options = { hostname: "127.0.0.1", port: 0, onListen() {}, signal: this.#end.signal };
  readonly #server = Deno.serve(this.#options, async (request) => {
    const { stream } = await request.json();
    if (!stream) return Response.json({});
    let timer: ReturnType<typeof setInterval>;
    const words = new ReadableStream<Uint8Array>({
      start(controller) {
        const say = () => controller.enqueue(new TextEncoder().encode("data: word\n\n"));
        say();
        timer = setInterval(say, 1_000);
      },
      cancel: () => clearInterval(timer),
    });
    return new Response(words, { headers: { "content-type": "text/event-stream" } });
  });

  get model(): string {
    const url = `http://127.0.0.1:${this.#server.addr.port}`;
    // Of the prompts most wait, so that they are held.
    return `  streams: { external: true, upstream: "${url}" }\n` +
      `  prompts: { external: true, upstream: "${url}", inFlightMax: 20 }\n`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    await this.#server.finished;
  }
}

/** A gateway of the image in so much memory. */
async function limited(root: ImageRoot, mib: number, env: Readonly<Record<string, string>> = {}) {
  await using all = new AsyncDisposableStack();
  const limit = MemoryLimit.create(mib);
  if ("reason" in limit) return limit;
  all.use(limit);
  const upstream = all.use(new Upstream());
  const command = await root.command({ env });
  const gateway = all.use(
    await GatewayProcess.start(upstream.model, {
      command: { ...command, words: (dir) => [...limit.enter, ...command.words(dir)] },
    }),
  );
  const taken = all.move();
  return { gateway, limit, [Symbol.asyncDispose]: () => taken.disposeAsync() };
}

async function memory(root: ImageRoot): Promise<void> {
  const made = await limited(root, ROOMY_MIB);
  if ("reason" in made) return tellOne("image: memory", `skipped, ${made.reason}`);
  await using _made = made;
  await using _streams = await openStreams(made.gateway);
  await pause(10_000, clock);
  tellOne(`image: resident memory, ${STREAMS} open streams`, `${mib(made.gateway)} MiB`);
}

async function openStreams(gateway: GatewayProcess): Promise<AsyncDisposable> {
  const readers = await Promise.all(Array.from({ length: STREAMS }, async () => {
    const response = await gateway.chat("streams", { stream: true });
    const reader = response.body!.getReader();
    await reader.read();
    return reader;
  }));
  for (const reader of readers) readToTheEnd(reader).catch(() => {});
  return {
    async [Symbol.asyncDispose]() {
      await Promise.all(readers.map((reader) => reader.cancel().catch(() => {})));
    },
  };
}

async function readToTheEnd(reader: ReadableStreamDefaultReader): Promise<void> {
  while (!(await reader.read()).done);
}

async function tight(root: ImageRoot): Promise<void> {
  const made = await limited(root, TIGHT_MIB, TIGHT);
  if ("reason" in made) return tellOne(`image: in ${TIGHT_MIB} MiB`, `skipped, ${made.reason}`);
  await using _made = made;
  const { gateway, limit } = made;
  await using _streams = await openStreams(gateway);
  const counts = new Map<number | string, number>();
  let left = PROMPTS;
  const prompt = async () => {
    const messages = [{ role: "user", content: PROMPT }];
    const response = await gateway.chat("prompts", { messages });
    await response.text();
    return response.status;
  };
  await Promise.all(Array.from({ length: PROMPTS_AT_ONCE }, async () => {
    while (left-- > 0) {
      const outcome = await prompt().catch(() => "none");
      counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
    }
  }));
  const what = `image: in ${TIGHT_MIB} MiB, ${STREAMS} streams`;
  const answered = [...counts].map(([outcome, count]) => `${count} x ${outcome}`).join(", ");
  tellOne(`${what}, ${PROMPTS} prompts of 64 KB, ${PROMPTS_AT_ONCE} at once`, answered);
  tellOne(`${what}: the group's peak, and how many were killed`, limit.outcome());
}

function mib({ pid }: GatewayProcess): string {
  return residentMiB(pid).toFixed(1);
}
