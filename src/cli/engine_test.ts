import { expect } from "expect";
import { ENGINE_DEFAULTS } from "../engine/options.ts";
import { systemClock } from "../platform/clock.ts";
import { listenNode } from "../platform/node_server.ts";
import { systemRandom } from "../platform/random.ts";
import { eventually } from "../testing/eventually.ts";
import { exchange, postJson, Wire } from "../testing/wire.ts";
import { engineCommand, engineOptions } from "./engine.ts";
import { ENGINE_FLAGS, type EngineFlags } from "./engine_flags.ts";

Deno.test("engineOptions() reads every flag into its unit", () => {
  const flags: EngineFlags = {
    port: "8001",
    host: "0.0.0.0",
    model: ["a", "b"],
    coldStart: "3s",
    listenWhileLoading: true,
    tokens: "5",
    tokensPerSecond: "0.5",
    maxModelLen: "2048",
    maxNumSeqs: "2",
    queueMax: "3",
    runner: "pooling",
    dev: true,
    shutdownTimeout: "1m",
    swallowSigterm: false,
    crashAtStart: true,
    crashAfterMs: "10",
    dieMidStream: "4",
    cutMidStream: "6",
    cutMidAnswer: true,
    enableLogRequests: true,
    hang: "requests",
  };
  expect(engineOptions(flags, {})).toEqual({
    port: 8001,
    hostname: "0.0.0.0",
    models: ["a", "b"],
    coldStartMs: 3_000,
    listenWhileLoading: true,
    tokens: 5,
    tokensPerSecond: 0.5,
    maxModelLen: 2048,
    maxNumSeqs: 2,
    queueMax: 3,
    runner: "pooling",
    dev: true,
    shutdownTimeoutMs: 60_000,
    swallowSigterm: false,
    crashAtStart: 1,
    crashAfterMs: 10,
    dieMidStream: 4,
    cutMidStream: 6,
    cutMidAnswer: true,
    enableLogRequests: true,
    hang: "requests",
    idleTimeoutMs: 5_000,
  });
  const names = ENGINE_FLAGS.map(([flag]) =>
    flag.split(" ")[0]!.replace(/^--(no-)?/, "").replace(
      /-./g,
      ([, letter]) => letter!.toUpperCase(),
    )
  );
  expect(names.toSorted()).toEqual(Object.keys(flags).toSorted());
});

Deno.test("engineOptions() has a default for every flag, and takes the port from PORT", () => {
  expect(engineOptions({}, {})).toEqual(ENGINE_DEFAULTS);
  expect(engineOptions({}, { PORT: "8001" }).port).toBe(8001);
  expect(engineOptions({ port: "8002" }, { PORT: "8001" }).port).toBe(8002);
  expect(engineOptions({ hang: true }, {}).hang).toBe("all");
});

Deno.test("engineCommand() exits with 2 and names the flag it cannot understand", async () => {
  for (
    const [flags, message] of [
      [{ coldStart: "3" }, "--cold-start: '3' needs a unit: write 3ms, 3s, 3m or 3h"],
      [{ port: "99999" }, "--port: '99999' is not a whole number from 0 to 65535"],
      [{ tokens: "0" }, "--tokens: '0' is not a whole number, at least 1"],
      [{ tokensPerSecond: "fast" }, "--tokens-per-second: 'fast' is not a number above 0"],
      [{ runner: "both" }, "--runner: 'both' is not generate or pooling"],
    ] as const
  ) {
    expect(await run(flags)).toEqual({ code: 2, lines: [message] });
  }
});

Deno.test("engineCommand() says its last words when it crashes, and that a port is taken", async () => {
  expect(await run({ port: "0", crashAtStart: "3" })).toEqual({
    code: 3,
    lines: ["torch.OutOfMemoryError: CUDA out of memory"],
  });
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { code, lines } = await run({ port: String(taken.addr.port) });
  expect(code).toBe(1);
  expect(lines[0]).toMatch(/^Cannot listen on 127\.0\.0\.1:\d+: .*; choose another --port$/);
});

Deno.test("enableLogRequests tells when a request arrives and how it ends, by its own id", async () => {
  const { lines } = await run(
    { port: "0", enableLogRequests: true, dieMidStream: "2" },
    async (port) => {
      const hello = postJson("/v1/completions", { prompt: "Hello" });
      await exchange(port, { ...hello, headers: [...hello.headers!, "X-Request-Id: r-1"] });
      await exchange(port, { target: "/metrics" });
      await exchange(port, STREAM);
    },
  );
  expect(lines.slice(1)).toEqual([
    "request r-1: POST /v1/completions",
    "request r-1: answered",
    "request -: POST /v1/completions",
    "request -: cut",
  ]);
});

/** To its end; `use` is called when it is ready. */
async function run(
  flags: EngineFlags,
  use: (port: number) => Promise<void> = () => Promise.resolve(),
): Promise<{ code: number; lines: string[] }> {
  const lines: string[] = [];
  const code = await engineCommand(flags, {
    env: {},
    clock: systemClock,
    random: systemRandom,
    listen: listenNode,
    err(line) {
      lines.push(line);
      const port = /^\S+ at .*:(\d+)$/.exec(line)?.[1];
      if (port) void use(Number(port));
    },
    onSignal: () => ({ [Symbol.dispose]() {} }),
  });
  return { code, lines };
}

/** A process of its own, with the real signals. */
function spawn(flags: EngineFlags): Deno.ChildProcess {
  const from = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);
  const program = `
    import { engineCommand } from ${from("engine.ts")};
    import { systemClock } from ${from("../platform/clock.ts")};
    import { listenNode } from ${from("../platform/node_server.ts")};
    import { systemRandom } from ${from("../platform/random.ts")};
    Deno.exit(await engineCommand(${JSON.stringify(flags)}, {
      env: {}, clock: systemClock, random: systemRandom, listen: listenNode,
      err: (line) => console.error(line),
      onSignal(name, callback) {
        Deno.addSignalListener(name, callback);
        return { [Symbol.dispose]: () => Deno.removeSignalListener(name, callback) };
      },
    }));`;
  return new Deno.Command(Deno.execPath(), { args: ["eval", program], stderr: "piped" }).spawn();
}

/** The port, from the line that says it is ready. */
async function portOf(child: Deno.ChildProcess): Promise<number> {
  let said = "";
  for await (const part of child.stderr.pipeThrough(new TextDecoderStream())) {
    const port = /:(\d+)\n/.exec(said += part)?.[1];
    if (port) return Number(port);
  }
  throw new Error(`The engine ended: ${said}`);
}

const STREAM = postJson("/v1/completions", {
  prompt: "Hello",
  stream: true,
  max_tokens: 10_000,
  ignore_eos: true,
});

Deno.test("a SIGTERM aborts running streams as if they had succeeded, and the process exits with 0", async () => {
  const child = spawn({ port: "0" });
  const port = await portOf(child);
  using wire = await Wire.open(port);
  await wire.send(STREAM);
  await wire.until('"text":"This"');
  child.kill("SIGTERM");
  expect(await wire.rest()).toMatch(/"finish_reason":"abort".*data: \[DONE\]\n\n\r\n0\r\n\r\n$/s);
  expect((await child.status).code).toBe(0);
  await expect(Wire.open(port)).rejects.toThrow(Deno.errors.ConnectionRefused);
});

Deno.test("a SIGTERM while it loads changes nothing, the next one ends it", async () => {
  const port = await freePort();
  const child = spawn({ port: String(port), coldStart: "1s" });
  const listening = portOf(child);
  // Before this moment there is no handler, and the signal would simply kill it.
  await eventually(() => catchesSigterm(child.pid));
  child.kill("SIGTERM");
  expect(await listening).toBe(port);
  expect((await exchange(port, { target: "/health" })).status).toBe("HTTP/1.1 200 OK");
  child.kill("SIGTERM");
  expect((await child.status).code).toBe(0);
});

Deno.test("dieMidStream ends the process under its clients", async () => {
  const child = spawn({ port: "0", dieMidStream: "2" });
  const port = await portOf(child);
  const { chunks, complete } = await exchange(port, STREAM);
  expect([chunks.length, complete]).toEqual([2, false]);
  expect((await child.status).code).toBe(1);
});

async function freePort(): Promise<number> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return await Promise.resolve(listener.addr.port);
}

/** From Linux's own account of the process: bit 14 of the signals that it catches. */
async function catchesSigterm(pid: number): Promise<boolean> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  const mask = /^SigCgt:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0";
  return (BigInt(`0x${mask}`) >> 14n & 1n) === 1n;
}
