import { expect } from "expect";
import { CannotSpawn, type Exit, type SpawnOptions, systemProcesses } from "./processes.ts";

/** Runs a shell script as a child; `line` resolves with its next line of output. */
function run(script: string, options: Partial<SpawnOptions> = {}) {
  const decoder = new TextDecoder();
  let text = "";
  let heard = Promise.withResolvers<void>();
  const child = systemProcesses.spawn({
    command: ["sh", "-c", script],
    env: {},
    cwd: "/",
    stopGraceMs: 1_000,
    output: (chunk) => {
      text += decoder.decode(chunk, { stream: true });
      heard.resolve();
      heard = Promise.withResolvers();
    },
    ...options,
  });
  return {
    ...child,
    text: () => text,
    async line(): Promise<string> {
      while (!text.includes("\n")) await heard.promise;
      const end = text.indexOf("\n");
      const line = text.slice(0, end);
      text = text.slice(end + 1);
      return line;
    },
    async ended(): Promise<Exit> {
      await child.gone;
      return await child.exit;
    },
  };
}

/** False for a zombie too: it has ended, only nobody has asked how. */
function isRunning(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(Deno.readTextFileSync(`/proc/${pid}/stat`));
  } catch {
    return false;
  }
}

async function untilEnded(pid: number): Promise<void> {
  while (isRunning(pid)) await new Promise((resolve) => setTimeout(resolve, 5));
}

function refusal(options: Partial<SpawnOptions>): string {
  try {
    run("", options).signal("SIGKILL");
  } catch (error) {
    if (error instanceof CannotSpawn) return error.message;
    throw error;
  }
  return "started";
}

Deno.test("spawn() runs the command in its folder and environment, without input", async () => {
  const child = run(`pwd; echo "$A-$HOME"; cat; echo err >&2; exit 3`, {
    env: { A: "1", HOME: "/h" },
    cwd: "/tmp",
  });
  expect(await child.ended()).toEqual({ code: 3, signal: undefined });
  expect(child.text().split("\n").sort()).toEqual(["", "/tmp", "1-/h", "err"]);
});

Deno.test("spawn() gives the command its own pid, arguments and nothing of the guard", async () => {
  const child = run("", {
    command: ["sh", "-c", 'echo $$; echo "$0|$1|$#"; ls /proc/$$/fd/3 2>&1', "a b", "$HOME `"],
  });
  expect(await child.line()).toBe(String(child.pid));
  expect(await child.line()).toBe("a b|$HOME `|1");
  expect(await child.line()).toMatch(/No such file/);
  await child.gone;
});

Deno.test("spawn() tells a signal that ended the command from an exit code", async () => {
  const child = run("kill -s SEGV $$");
  expect(await child.ended()).toEqual({ code: 139, signal: "SIGSEGV" });
});

Deno.test("spawn() delivers every byte before the group counts as gone", async () => {
  let bytes = 0;
  const child = run("head -c 3000000 /dev/zero", { output: (chunk) => bytes += chunk.length });
  await child.gone;
  expect(bytes).toBe(3_000_000);
});

Deno.test("signal() reaches the whole group", async () => {
  const child = run("sleep 1000 & echo $!; wait");
  const grandchild = Number(await child.line());
  expect(isRunning(grandchild)).toBe(true);
  child.signal("SIGTERM");
  expect(await child.ended()).toEqual({ code: 143, signal: "SIGTERM" });
  await untilEnded(grandchild);
  child.signal("SIGKILL");
});

Deno.test("signal() kills a command that ignores SIGTERM", async () => {
  const child = run("trap '' TERM; echo deaf; while :; do sleep 1000; done");
  await child.line();
  child.signal("SIGTERM");
  child.signal("SIGKILL");
  expect((await child.ended()).signal).toBe("SIGKILL");
});

Deno.test("gone kills what the command left behind, output or not", async () => {
  const child = run("sleep 1000 & echo $!; sleep 1000 >/dev/null 2>&1 & echo $!");
  const left = [Number(await child.line()), Number(await child.line())];
  expect(await child.ended()).toEqual({ code: 0, signal: undefined });
  for (const pid of left) await untilEnded(pid);
});

Deno.test("gone does not wait for a process that left the group with the output", async () => {
  const child = run(`setsid sh -c 'echo $$; exec sleep 1000' & sleep 1000`);
  const escaped = Number(await child.line());
  child.signal("SIGKILL");
  await child.gone;
  expect(isRunning(escaped)).toBe(true);
  Deno.kill(escaped, "SIGKILL");
  await untilEnded(escaped);
});

Deno.test("spawn() says exactly why a command cannot start", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/plain`, "echo hello", { mode: 0o644 });
  await Deno.mkdir(`${folder}/folder`);
  const cwd = folder;
  expect(refusal({ command: ["no-such-engine", "serve"] })).toBe(
    "command not found: no-such-engine",
  );
  expect(refusal({ command: ["./missing"], cwd })).toBe("command not found: ./missing");
  expect(refusal({ command: ["./folder"], cwd })).toBe("command not found: ./folder");
  expect(refusal({ command: ["./plain"], cwd })).toBe("command is not executable: ./plain");
  expect(refusal({ command: ["sh"], env: { PATH: folder } })).toBe("command not found: sh");
  expect(refusal({ cwd: `${folder}/gone` })).toBe(`no such directory: ${folder}/gone`);
  expect(refusal({ cwd: `${folder}/plain` })).toBe(`not a directory: ${folder}/plain`);
  await Deno.remove(folder, { recursive: true });
});

/** A gateway's part is played by a process of its own, which is killed as nobody can prepare for. */
async function spawnGateway(script: string) {
  const gateway = new Deno.Command(Deno.execPath(), {
    args: [
      "eval",
      `const { systemProcesses } = await import(${
        JSON.stringify(import.meta.resolve("./processes.ts"))
      });
       systemProcesses.spawn({
         command: ["sh", "-c", ${JSON.stringify(script)}], env: {}, cwd: "/", stopGraceMs: 1000,
         output: (chunk) => Deno.stdout.writeSync(chunk),
       });`,
    ],
    stdout: "piped",
  }).spawn();
  const reader = gateway.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes("ready")) text += (await reader.read()).value;
  const pids = text.match(/\d+/g)!.map(Number);
  return {
    pids,
    async kill() {
      gateway.kill("SIGKILL");
      await gateway.status;
      await reader.cancel();
    },
  };
}

Deno.test("a gateway killed by SIGKILL leaves no child and no grandchild behind", async () => {
  const gateway = await spawnGateway("sleep 1000 & echo $$ $!; echo ready; wait");
  expect(gateway.pids.map(isRunning)).toEqual([true, true]);
  await gateway.kill();
  for (const pid of gateway.pids) await untilEnded(pid);
});

Deno.test("a child that ignores SIGTERM does not outlive a killed gateway either", async () => {
  const gateway = await spawnGateway(
    "trap '' TERM; sleep 1000 & echo $$ $!; echo ready; while :; do wait; done",
  );
  await gateway.kill();
  for (const pid of gateway.pids) await untilEnded(pid);
});
