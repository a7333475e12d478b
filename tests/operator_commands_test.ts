/** `status` and `wake` as programs beside a running gateway, one of them in a terminal. */
import { expect } from "expect";
import { eventually } from "../src/testing/eventually.ts";
import { engineModel, GatewayProcess } from "../src/testing/gateway_process.ts";

const MAIN = new URL("../main.ts", import.meta.url).pathname;
const COMMAND = [Deno.execPath(), "run", "--allow-all", "--no-check", MAIN];
const BROKEN =
  `  broken: { process: { command: [sh, -c, "echo CUDA out of memory >&2; exit 1"] } }\n`;

async function start(flags = ""): Promise<{ gateway: GatewayProcess; url: string }> {
  const gateway = await GatewayProcess.start(
    engineModel("m", `--cold-start 1s ${flags}`) + BROKEN,
    {
      server: "operator: 127.0.0.1:0",
    },
  );
  return { gateway, url: gateway.operatorUrl };
}

async function run(...args: string[]): Promise<[code: number, out: string, err: string]> {
  const [program, ...words] = COMMAND;
  const { code, stdout, stderr } = await new Deno.Command(program!, {
    args: [...words, ...args],
    env: { NO_COLOR: "1" },
  }).output();
  return [code, new TextDecoder().decode(stdout), new TextDecoder().decode(stderr)];
}

Deno.test("status and wake show a model on its way up, and why another one fails", async () => {
  const { gateway, url } = await start();
  await using _gateway = gateway;
  const at = ["--url", url];
  const [code, table] = await run("status", ...at);
  expect([code, table.split("\n").map((line) => line.replace(/ {2,}/g, " | "))]).toEqual([0, [
    "MODEL | STATE | WAITING | IN FLIGHT | SLEEPS IN | WHY",
    "m | asleep | 0 | 0 | - | found at zero",
    "broken | asleep | 0 | 0 | - | found at zero",
    "",
  ]]);
  const [woken, progress] = await run("wake", "m", "--wait", ...at);
  expect([woken, progress]).toEqual([
    0,
    expect.stringMatching(/^m: waking.*\n(m: .*\n)*m: (active|idle)\n$/),
  ]);
  const [failed, reason] = await run("wake", "broken", "--wait", ...at);
  expect([failed, reason]).toEqual([1, expect.stringContaining("CUDA out of memory")]);
  const [, json] = await run("status", "--json", ...at);
  expect(JSON.parse(json).models).toMatchObject([
    { name: "m", state: "idle", sleepsInSeconds: expect.any(Number) },
    { name: "broken", state: "failed", failure: { kind: "out_of_memory" } },
  ]);
  expect((await run("status", ...at))[1]).toMatch(
    /\nbroken: .*CUDA out of memory \(out_of_memory; next try in \d+s\)/,
  );
  expect(await run("wake", "nobody", ...at)).toEqual([1, "", "There is no model 'nobody'\n"]);
  // The port for clients is easily taken for the other.
  const [wrong, , words] = await run("status", "--url", gateway.url);
  expect([wrong, words]).toEqual([1, expect.stringContaining("There is nothing at /api/models")]);
});

Deno.test("sleep, pin and unpin say what became of it", async () => {
  const { gateway, url } = await start("--tokens-per-second 20");
  await using _gateway = gateway;
  const at = ["--url", url];
  expect(await run("wake", "m", "--wait", ...at)).toEqual([0, expect.stringMatching(/./), ""]);
  await eventually(async () => (await run("sleep", "m", ...at))[0] === 0);
  await gateway.until("m", "asleep", 2);
  const stream = await gateway.chat("m", { stream: true, max_tokens: 250 });
  expect(await run("sleep", "m", ...at)).toEqual([
    ...[1, ""],
    "Model 'm' is not put to sleep: it is in use: 1 in flight, 0 waiting (force it: they end first)\n",
  ]);
  expect(await run("sleep", "m", "--force", ...at)).toEqual([
    ...[0, "m: stopping, after 1 in flight\n", ""],
  ]);
  expect(await stream.text()).toMatch(/data: \[DONE\]\n\n$/);
  await gateway.until("m", "asleep", 3);
  const [pinned, until] = await run("pin", "m", "--for", "1h", ...at);
  expect([pinned, until]).toEqual([
    0,
    expect.stringMatching(/^m: waking, pinned until 20\d\d-.*Z\n$/),
  ]);
  expect((await run("status", ...at))[1]).toMatch(/\nm: pinned until 20\d\d-/);
  expect(await run("sleep", "m", ...at)).toEqual([
    ...[1, "", "Model 'm' is not put to sleep: it is pinned: unpin it first\n"],
  ]);
  expect(await run("unpin", "m", ...at)).toEqual([0, expect.stringMatching(/not pinned\n$/), ""]);
  expect(await run("pin", "m", "--for", "5", ...at)).toEqual([
    ...[1, "", "Cannot pin for so long: '5' needs a unit: write 5ms, 5s, 5m or 5h\n"],
  ]);
});

Deno.test("status says what to do when no gateway answers", async () => {
  using gone = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const url = `http://127.0.0.1:${gone.addr.port}`;
  gone.close();
  const [code, out, err] = await run("status", "--url", url);
  expect([code, out]).toEqual([1, ""]);
  expect(err).toContain(`No gateway answers at ${url}`);
  expect(err).toContain("$VLLM_AUTOSCALER_URL");
});

Deno.test("status --watch redraws in a terminal, shows a wake as it goes on, and ends with Ctrl-C", async () => {
  const { gateway, url } = await start();
  await using _gateway = gateway;
  // exec: a shell in between (dash) would end with its own 130.
  const words = ["exec", ...COMMAND, "status", "--watch", "--url", url].join(" ");
  const terminal = new Deno.Command("script", {
    args: ["--quiet", "--flush", "--return", "--command", words, "/dev/null"],
    ...{ stdin: "piped", stdout: "piped", stderr: "null" },
  }).spawn();
  let screen = "";
  const reading = (async () => {
    for await (const text of terminal.stdout.pipeThrough(new TextDecoderStream())) screen += text;
  })();
  await eventually(() => screen.includes("asleep"));
  expect((await run("wake", "m", "--url", url))[0]).toBe(0);
  await eventually(() => /m +\S*idle/.test(screen.slice(screen.lastIndexOf("\x1b[J"))));
  // Up over the three lines of before, and cleared: nothing scrolls.
  expect(screen).toContain("\x1b[3A\x1b[J");
  const keyboard = terminal.stdin.getWriter();
  await keyboard.write(new TextEncoder().encode("\x03"));
  expect((await terminal.status).code).toBe(0);
  await keyboard.close().catch(() => {});
  await reading;
});
