/** Replays one simulated world: `deno task simulate SEED [DAYS]` prints its trace and what broke. */
import { simulate } from "../src/testing/simulator.ts";

const [seed = "1", days = "2"] = Deno.args;
const { trace, broken, ended, sleeps } = await simulate({ seed: Number(seed), days: Number(days) });
for (const line of trace) console.log(line);
console.log(`seed ${seed}, ${days} days:`, ended, `${sleeps} sleeps`);
for (const promise of broken) console.log(`BROKEN ${promise}`);
if (broken.length > 0) Deno.exit(1);
