/** The life of the gateway's process: reloads, a second one, and what is left behind; its end is in `drain_test.ts`. */
import { expect } from "expect";
import { lockPathOf } from "../src/platform/lock.ts";
import { eventually } from "../src/testing/eventually.ts";
import { allGone, engineModel, GatewayProcess, isAlive } from "../src/testing/gateway_process.ts";
import { programCommand } from "../src/testing/program.ts";

Deno.test("SIGKILL leaves no engine behind, and the next gateway can start", async () => {
  await using gateway = await GatewayProcess.start(engineModel("m"));
  await (await gateway.chat("m", { max_tokens: 1 })).text();
  const pids = gateway.enginePids();
  await gateway.stop("SIGKILL");
  await eventually(() => allGone(pids));
  await gateway.run();
  await (await gateway.chat("m", { max_tokens: 1 })).text();
  expect(gateway.enginePids()).toHaveLength(2);
});

Deno.test("a second gateway on one file of process models refuses to start, and says why", async () => {
  await using gateway = await GatewayProcess.start(engineModel("m"));
  const second = await programCommand(["serve", "--config", gateway.file], {
    stdout: "null",
  }).output();
  expect(second.code).toBe(1);
  expect(new TextDecoder().decode(second.stderr)).toMatch(/Another gateway serves/);
});

// It ended with a stack trace that named neither the config file nor what to do.
Deno.test("a lock file that cannot be made: nothing starts, and it says what to do", async () => {
  await using gateway = await GatewayProcess.start(engineModel("m"));
  const refused = await programCommand(["serve", "--config", gateway.file], {
    env: { TMPDIR: `${gateway.dir}/nowhere` },
    stdout: "null",
  }).output();
  const said = new TextDecoder().decode(refused.stderr);
  expect([refused.code, said]).toEqual([1, expect.stringMatching(/Cannot lock .*Set TMPDIR to/)]);
  expect(said).not.toMatch(/Uncaught|serve\.ts/);
});

Deno.test("a config that is not valid starts nothing, and tells every fault with its place", async () => {
  await using gateway = await GatewayProcess.start(
    "  m: { proces: {} }\n  n: { deployment: 7 s }\n",
  );
  expect((await gateway.status).code).toBe(1);
  const text = gateway.text.join("\n");
  expect(text).toMatch(/config\.yaml:\d+:\d+/);
  expect(text).toMatch(/'process'/);
});

Deno.test("a reload touches only what changed: streams and waiters go on", async () => {
  const long = engineModel("long", "--tokens 60 --tokens-per-second 40");
  const slow = engineModel("slow", "--cold-start 1500ms");
  await using gateway = await GatewayProcess.start(long + slow + engineModel("old"));
  const stream = await gateway.chat("long", { stream: true });
  const waiting = gateway.chat("slow", { max_tokens: 2 });
  await gateway.until("slow", "waking");
  const changed = engineModel("long", "--tokens 60 --tokens-per-second 40", "idleTimeout: 1m");
  await gateway.write(changed + slow + engineModel("new"));
  await eventually(() => gateway.lines.some(({ msg }) => msg === "config reloaded"));
  const { added, removed, changed: names } = gateway.lines.find(({ msg }) =>
    msg === "config reloaded"
  )!;
  expect({ added, removed, names }).toEqual({ added: "new", removed: "old", names: "long" });
  expect((await gateway.chat("old")).status).toBe(404);
  expect((await stream.text()).trimEnd()).toMatch(/data: \[DONE\]$/);
  expect((await waiting).status).toBe(200);
  expect((await gateway.chat("new", { max_tokens: 1 })).status).toBe(200);
  expect(gateway.enginePids()).toHaveLength(3);
});

Deno.test("a model whose command changed ends before the new one starts, after its last answer", async () => {
  await using gateway = await GatewayProcess.start(
    engineModel("m", "--tokens 40 --tokens-per-second 40"),
  );
  const stream = await gateway.chat("m", { stream: true });
  const [oldPid] = gateway.enginePids();
  await gateway.write(engineModel("m", "--tokens 3"));
  await eventually(() => gateway.lines.some(({ msg }) => msg === "config reloaded"));
  const next = gateway.chat("m");
  expect((await stream.text()).trimEnd()).toMatch(/data: \[DONE\]$/);
  expect((await (await next).json()).usage.completion_tokens).toBe(3);
  expect(await isAlive(oldPid!)).toBe(false);
});

Deno.test("a reload that is not valid changes nothing, loudly; SIGHUP reads at once", async () => {
  await using gateway = await GatewayProcess.start(engineModel("m"));
  await gateway.write(engineModel("m") + "  n: { nonsense: 1 }\n");
  gateway.signal("SIGHUP");
  await eventually(() => gateway.lines.some(({ msg }) => msg === "config not reloaded"));
  expect((await gateway.chat("m", { max_tokens: 1 })).status).toBe(200);
});

// It ended the gateway, and every answer with it.
Deno.test("a reload whose lock file cannot be made changes nothing, loudly", async () => {
  const external = '  e: { external: true, upstream: "http://127.0.0.1:9" }\n';
  await using gateway = await GatewayProcess.start(external);
  const lock = await lockPathOf(gateway.file);
  await Deno.mkdir(lock);
  try {
    await gateway.write(external + engineModel("m"));
    await eventually(() => gateway.lines.some(({ msg }) => msg === "config not reloaded"));
    expect((await gateway.chat("m")).status).toBe(404);
  } finally {
    await Deno.remove(lock);
  }
});
