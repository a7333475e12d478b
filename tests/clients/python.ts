/** A smoke of each asynchronous SDK for Python, by `deno task test:clients-python`. */
import type { Call } from "./calls.ts";
import { GUARANTEES } from "./guarantees.ts";
import { PYTHON } from "./sdk_driver.ts";
import { type Made, World } from "./world.ts";

const CALLS: readonly Call[] = [
  { client: "openai", name: "chat stream", kind: "stream" },
  { client: "langchain-openai", name: "astream", kind: "stream" },
  { client: "anthropic", name: "messages.stream()", kind: "stream" },
];

const NAMES = ["warm", "cold, answer begun early", "stream breaks"];

let started: Promise<World> | undefined;
const world = () => started ??= World.start(PYTHON);

for (const guarantee of GUARANTEES.filter(({ name }) => NAMES.includes(name))) {
  let batch: Promise<Made[]> | undefined;
  // All at once: there is one wake.
  const made = async () => {
    const there = await world();
    return await Promise.all(CALLS.map((call) => there.make(call, guarantee.model)));
  };
  for (const [i, { client, name }] of CALLS.entries()) {
    Deno.test({
      ...{ name: `Python's ${client}: ${name}: ${guarantee.name}` },
      ...{ sanitizeOps: false, sanitizeResources: false },
      fn: async () => await guarantee.judge((await (batch ??= made()))[i]!),
    });
  }
}

Deno.test.afterAll(async () => {
  await (await started)?.[Symbol.asyncDispose]();
});
