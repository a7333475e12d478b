/**
 * Every client with every guarantee, by `deno task test:clients`: a test for each call in each
 * situation. The calls of one situation are made all at once, when the first of its tests runs.
 * Arguments: `--slow` adds what takes over half a minute, `--write` brings docs/CLIENTS.md up to date.
 */
import { type Call, CALLS } from "./calls.ts";
import { type Guarantee, GUARANTEES } from "./guarantees.ts";
import { NODE } from "./sdk_driver.ts";
import { PAGE, pageOf } from "./page.ts";
import { type Made, World } from "./world.ts";

const SLOW = Deno.args.includes("--slow");

let started: Promise<World> | undefined;

function world(): Promise<World> {
  if (started) return started;
  started = World.start(NODE);
  for (const guarantee of GUARANTEES) {
    // What goes wrong is told by its own tests.
    if (guarantee.takesLong && isRun(guarantee)) batchOf(guarantee).catch(() => {});
  }
  return started;
}

/** Those whose check did not pass. */
const failed = new Map<Guarantee, Set<Call>>();

/** The gateway and Node live from the first check to the last. */
function check(name: string, ignore: boolean, fn: () => Promise<void>): void {
  Deno.test({ name, ignore, fn, sanitizeOps: false, sanitizeResources: false });
}

type Batch = Map<Call, Promise<Made>>;

const batches = new Map<Guarantee, Promise<Batch>>();

function batchOf(guarantee: Guarantee): Promise<Batch> {
  const made = batches.get(guarantee) ?? makeAll(guarantee);
  batches.set(guarantee, made);
  return made;
}

async function makeAll(guarantee: Guarantee): Promise<Batch> {
  const { model, options, isUp, oneByOne, meanwhile } = guarantee;
  const there = await world();
  if (isUp) await there.wake(model);
  const batch: Batch = new Map();
  for (const call of CALLS.filter((call) => guarantee.for(call))) {
    const tries = isSlow(guarantee, call) && !SLOW ? { maxRetries: 0 } : {};
    const made = there.make(call, model, { ...options, ...tries });
    // It is told by its own test.
    made.catch(() => {});
    batch.set(call, made);
    if (oneByOne) await made.catch(() => {});
  }
  await meanwhile?.(there);
  return batch;
}

function isRun({ isSlow }: Guarantee): boolean {
  return SLOW || !isSlow;
}

function isSlow({ langchainIsSlow }: Guarantee, { client }: Call): boolean {
  return langchainIsSlow === true && client === "@langchain/openai";
}

for (const guarantee of GUARANTEES) {
  for (const call of CALLS.filter((call) => guarantee.for(call))) {
    const without = isSlow(guarantee, call) && !SLOW ? ", without retries" : "";
    const name = `${call.client}: ${call.name}: ${guarantee.name}${without}`;
    check(name, !isRun(guarantee), async () => {
      failed.set(guarantee, (failed.get(guarantee) ?? new Set()).add(call));
      await guarantee.judge(await (await batchOf(guarantee)).get(call)!);
      failed.get(guarantee)!.delete(call);
    });
  }
}

// The last of them: it shows what the others found.
check("docs/CLIENTS.md says what is shown here", false, async () => {
  const page = await pageOf((guarantee, call) => !failed.get(guarantee)?.has(call));
  if (Deno.args.includes("--write")) await Deno.writeTextFile(PAGE, page);
  if (await Deno.readTextFile(PAGE).catch(() => "") === page) return;
  throw new Error("docs/CLIENTS.md is out of date; run: deno task test:clients --write");
});

Deno.test.afterAll(async () => {
  await (await started)?.[Symbol.asyncDispose]();
});
