import { expect } from "expect";
import { join } from "node:path";
import type { Files } from "../platform/files.ts";
import { systemFiles } from "../platform/files.ts";
import { systemClock } from "../platform/clock.ts";
import { settle, VirtualClock } from "../testing/virtual_clock.ts";
import type { ParseResult } from "./parse.ts";
import { DEBOUNCE_MS, loadConfig, POLL_MS, watchConfig } from "./watch.ts";

const configText = (name: string) => `models:\n  ${name}:\n    deployment: x\n`;

function summary(news: ParseResult | undefined): string {
  if (!news) return "same";
  if ("problems" in news) return `refused: ${news.problems[0]!.message}`;
  return news.config.models.map((model) => model.name).join();
}

/** A folder with one file, in memory; a read takes until `finish` if `slow`. */
class FakeFiles implements Files {
  text: string | Error = configText("a");
  reads = 0;
  watching = 0;
  slow: PromiseWithResolvers<void> | undefined;
  #onChange = () => {};

  async readText(): Promise<string> {
    this.reads++;
    const { text } = this;
    await this.slow?.promise;
    if (text instanceof Error) throw text;
    return text;
  }

  watchDirectory(path: string, onChange: () => void): Disposable {
    expect(path).toBe("/etc/gateway");
    this.watching++;
    this.#onChange = onChange;
    return { [Symbol.dispose]: () => void this.watching-- };
  }

  change(text: string | Error): void {
    this.text = text;
    this.#onChange();
  }
}

function setup() {
  const clock = new VirtualClock();
  const files = new FakeFiles();
  const news: string[] = [];
  const watch = watchConfig({
    path: "/etc/gateway/config.yaml",
    dir: "/etc/gateway",
    env: {},
    files,
    clock,
    text: configText("a"),
    onNews: (result) => news.push(summary(result)),
  });
  return { clock, files, news, watch };
}

Deno.test("watchConfig() reads once after a burst of changes, and tells what became of the file", async () => {
  const { clock, files, news, watch } = setup();
  using _watch = watch;
  for (let i = 0; i < 5; i++) {
    files.change(configText(`b${i}`));
    await clock.advance(DEBOUNCE_MS - 1);
  }
  expect(files.reads).toBe(0);
  await clock.advance(1);
  expect([files.reads, news]).toEqual([1, ["b4"]]);
});

Deno.test("watchConfig() tells nothing when the text is the same", async () => {
  const { clock, files, news, watch } = setup();
  using _watch = watch;
  files.change(configText("a"));
  await clock.advance(DEBOUNCE_MS);
  expect(files.reads).toBe(1);
  expect(summary(await watch.reload())).toBe("same");
  expect(news).toEqual([]);
});

Deno.test("watchConfig() tells an invalid text once, and its return to what it was", async () => {
  const { clock, files, news, watch } = setup();
  using _watch = watch;
  files.change("models: {}");
  await clock.advance(DEBOUNCE_MS);
  files.change("models: {}");
  await clock.advance(POLL_MS);
  files.change(configText("a"));
  await clock.advance(DEBOUNCE_MS);
  expect(news).toEqual(["refused: no model here: name at least one", "a"]);
});

Deno.test("watchConfig() tells once that the file is gone, and that it is back", async () => {
  const { clock, files, news, watch } = setup();
  using _watch = watch;
  const gone = Object.assign(new Error("os error 2"), { name: "NotFound" });
  files.change(gone);
  await clock.advance(3 * POLL_MS);
  files.change(configText("a"));
  await clock.advance(DEBOUNCE_MS);
  expect(news).toEqual(["refused: there is no such file", "a"]);
});

Deno.test("watchConfig() polls, also a folder whose watch has died", async () => {
  const { clock, files, news, watch } = setup();
  using _watch = watch;
  await clock.advance(DEBOUNCE_MS);
  expect(files.reads).toBe(1);
  files.text = configText("b");
  await clock.advance(POLL_MS - DEBOUNCE_MS - 1);
  expect(files.reads).toBe(1);
  await clock.advance(1);
  expect(news).toEqual(["b"]);
  await clock.advance(2 * POLL_MS);
  expect(files.reads).toBe(4);
});

// It waited for the next poll, half a minute, or for ever for a SIGHUP that came as early.
Deno.test("watchConfig() sees a change between the first read and its watch", async () => {
  const { clock, files, news, watch } = setup();
  using _watch = watch;
  files.text = configText("b");
  await clock.advance(DEBOUNCE_MS);
  expect(news).toEqual(["b"]);
});

Deno.test("watchConfig().reload() reads now, and gives the news that it tells", async () => {
  const { files, news, watch } = setup();
  using _watch = watch;
  files.text = configText("b");
  expect(summary(await watch.reload())).toBe("b");
  expect(news).toEqual(["b"]);
});

// A reload that joined the read under way could answer "same" for a text written before it was asked.
Deno.test("watchConfig().reload() does not trust a read that began before it", async () => {
  const { files, news, watch } = setup();
  using _watch = watch;
  files.slow = Promise.withResolvers();
  const first = watch.reload();
  await settle();
  files.text = configText("b");
  const second = watch.reload();
  const third = watch.reload();
  files.slow.resolve();
  expect([await first, await second, await third].map(summary)).toEqual(["same", "b", "b"]);
  expect([files.reads, news]).toEqual([2, ["b"]]);
});

Deno.test("watchConfig() is silent and holds nothing after it was disposed", async () => {
  const { clock, files, news, watch } = setup();
  files.slow = Promise.withResolvers();
  files.change(configText("b"));
  await clock.advance(DEBOUNCE_MS);
  watch[Symbol.dispose]();
  files.slow.resolve();
  await settle();
  files.change(configText("c"));
  await clock.advance(2 * POLL_MS);
  expect([news, clock.timers, files.watching]).toEqual([[], 0, 0]);
});

/** A ConfigMap volume as kubelet lays it out: `config.yaml` -> `..data/config.yaml`, `..data` -> `..<time>`. */
async function publish(dir: string, version: string, text: string): Promise<void> {
  await Deno.mkdir(join(dir, version));
  await Deno.writeTextFile(join(dir, version, "config.yaml"), text);
  await Deno.symlink(version, join(dir, "..data_tmp"));
  await Deno.rename(join(dir, "..data_tmp"), join(dir, "..data"));
}

Deno.test("watchConfig() sees every update of a ConfigMap volume", async () => {
  const dir = await Deno.makeTempDir();
  try {
    await publish(dir, "..2026_01_01", configText("v0"));
    await Deno.symlink("..data/config.yaml", join(dir, "config.yaml"));
    const source = { path: join(dir, "config.yaml"), dir, env: {}, files: systemFiles };
    const { text } = await loadConfig(source);
    let told = Promise.withResolvers<string>();
    using _watch = watchConfig({
      ...source,
      clock: systemClock,
      text: text!,
      onNews: (news) => told.resolve(summary(news)),
    });
    for (const version of [1, 2, 3]) {
      told = Promise.withResolvers();
      await publish(dir, `..2026_01_0${version + 1}`, configText(`v${version}`));
      expect(await told.promise).toBe(`v${version}`);
      await Deno.remove(join(dir, `..2026_01_0${version}`), { recursive: true });
    }
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("loadConfig() says that there is no file", async () => {
  const dir = await Deno.makeTempDir();
  const path = join(dir, "config.yaml");
  const loaded = await loadConfig({ path, dir, env: {}, files: systemFiles });
  await Deno.remove(dir);
  expect(summary(loaded.result)).toBe("refused: there is no such file");
  expect(loaded.text).toBe(undefined);
});
