/**
 * Replays one simulated world: `deno task simulate SEED [DAYS] [kubernetes]` prints its trace and what
 * broke; with `kubernetes` it is a virtual cluster.
 */
import { simulate } from "../src/testing/simulator.ts";

const [seed = "1", days = "2", kind] = Deno.args;
const over = kind === "kubernetes" ? kind : "fakes";
const { trace, broken, ended, sleeps } = await simulate({
  seed: Number(seed),
  days: Number(days),
  over,
});
for (const line of trace) console.log(line);
console.log(`seed ${seed}, ${days} days:`, ended, `${sleeps} sleeps`);
for (const promise of broken) console.log(`BROKEN ${promise}`);
if (broken.length > 0) Deno.exit(1);
