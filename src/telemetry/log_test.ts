import { expect } from "expect";
import { VirtualClock } from "../testing/virtual_clock.ts";
import { createLog, type LogOptions } from "./log.ts";

function lines(options: Partial<LogOptions> = {}) {
  const written: string[] = [];
  const clock = new VirtualClock(1_250);
  const log = createLog({
    ...{ level: "info", format: "text", clock, write: (line: string) => written.push(line) },
    ...options,
  } as LogOptions);
  return { written, log };
}

Deno.test("createLog() writes one JSON object a line for machines", () => {
  const { written, log } = lines({ format: "json" });
  log.with({ model: "m" }).warn("stopping", { reason: "quiet", after: undefined, n: 2 });
  expect(written.map((line) => JSON.parse(line))).toEqual([
    {
      time: "2026-01-01T00:00:01.250Z",
      level: "warn",
      msg: "stopping",
      model: "m",
      reason: "quiet",
      n: 2,
    },
  ]);
});

Deno.test("createLog() says first whom a line is about, whoever writes it", () => {
  const { written, log } = lines({ format: "json" });
  const { written: text, log: textLog } = lines();
  for (const each of [log, textLog]) {
    each.with({ reason: "quiet" }).info("idle", {
      ...{ was: "active", state: "idle", requestId: "r", model: "m", traceId: "t" },
    });
  }
  expect(Object.keys(JSON.parse(written[0]!))).toEqual([
    ...["time", "level", "msg", "model", "requestId", "traceId", "state", "reason", "was"],
  ]);
  expect(text).toEqual([
    "00:00:01.250 info  m            idle requestId=r traceId=t reason=quiet was=active",
  ]);
});

Deno.test("createLog() writes aligned text for people, quoting what has blanks", () => {
  const { written, log } = lines();
  log.with({ model: "qwen" }).info("idle", { was: "active", reason: "last answer ended" });
  log.error("no");
  expect(written).toEqual([
    '00:00:01.250 info  qwen         idle was=active reason="last answer ended"',
    "00:00:01.250 error no",
  ]);
});

Deno.test("createLog() colours only when told to", () => {
  const { written, log } = lines({ colour: true });
  log.info("x");
  expect(written[0]).toContain("\x1b[36minfo");
  expect(written[0]!.endsWith("x")).toBe(true);
});

Deno.test("createLog() keeps a line one line, whatever a child process printed", () => {
  const { written, log } = lines();
  log.info("a\nb\x1b[2J", { line: "c\u2028d" });
  expect(written[0]).not.toMatch(/[\p{Cc}\u2028]/u);
  expect(written[0]).toContain("a\\u000ab\\u001b[2J");
});

Deno.test("createLog() leaves out what is below the level, and follows a change of it", () => {
  let level: LogOptions["level"] = "warn";
  const { written, log } = lines({
    get level() {
      return level;
    },
  });
  const changing: string[] = [];
  const live = createLog({
    get level() {
      return level;
    },
    format: "text",
    clock: new VirtualClock(),
    write: (line) => changing.push(line),
  });
  log.info("no");
  live.info("no");
  level = "debug";
  live.debug("yes");
  expect(written).toEqual([]);
  expect(changing).toHaveLength(1);
});
