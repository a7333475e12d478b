/**
 * Every client with every guarantee, by `deno task test:clients`: a test for each call in each
 * situation. The calls of one situation are made all at once, when the first of its tests runs.
 * Arguments: `--slow` adds what takes over half a minute, `--write` brings docs/CLIENTS.md up to date.
 */
import { expect } from "expect";
import { type Call, CALLS } from "./calls.ts";
import { DOCUMENT, readVersions, renderDocument } from "./document.ts";
import { type Guarantee, GUARANTEES } from "./guarantees.ts";
import { type Made, World } from "./world.ts";

const SLOW = Deno.args.includes("--slow");

let started: Promise<World> | undefined;
const world = () => started ??= World.start();

const failed = new Set<string>();

function check(name: string, ignore: boolean, fn: () => Promise<void>): void {
  Deno.test({
    ...{ name, ignore, sanitizeOps: false, sanitizeResources: false },
    async fn() {
      failed.add(name);
      await fn();
      failed.delete(name);
    },
  });
}

type Batch = Map<Call, Promise<Made>>;

const batches = new Map<Guarantee, Promise<Batch>>();

function batchOf(guarantee: Guarantee): Promise<Batch> {
  const made = batches.get(guarantee) ?? makeAll(guarantee);
  batches.set(guarantee, made);
  return made;
}

async function makeAll(guarantee: Guarantee): Promise<Batch> {
  const { model, options, oneByOne, meanwhile } = guarantee;
  const there = await world();
  const batch: Batch = new Map();
  for (const call of CALLS.filter((call) => guarantee.for(call))) {
    const tries = isSlow(guarantee, call) && !SLOW ? { maxRetries: 0 } : {};
    const made = there.make(call, model, { ...options, ...tries });
    // It is told by its own test.
    made.catch(() => {});
    batch.set(call, made);
    if (oneByOne) await made;
  }
  await meanwhile?.(there);
  return batch;
}

function isSlow({ langchainIsSlow }: Guarantee, { client }: Call): boolean {
  return langchainIsSlow === true && client === "@langchain/openai";
}

function nameOf(guarantee: Guarantee, call: Call): string {
  const without = isSlow(guarantee, call) && !SLOW ? ", without retries" : "";
  return `${call.client}: ${call.name}: ${guarantee.name}${without}`;
}

for (const guarantee of GUARANTEES) {
  for (const call of CALLS.filter((call) => guarantee.for(call))) {
    check(nameOf(guarantee, call), guarantee.isSlow === true && !SLOW, async () => {
      await guarantee.judge(await (await batchOf(guarantee)).get(call)!);
    });
  }
}

Deno.test("docs/CLIENTS.md says what was found", async () => {
  const text = renderDocument(
    await readVersions(),
    (guarantee, call) => failed.has(nameOf(guarantee, call)),
  );
  if (Deno.args.includes("--write")) await Deno.writeTextFile(DOCUMENT, text);
  const hint = "deno task test:clients --write brings it up to date";
  expect({ hint, text: await Deno.readTextFile(DOCUMENT) }).toEqual({ hint, text });
});

Deno.test.afterAll(async () => {
  await (await started)?.[Symbol.asyncDispose]();
});
