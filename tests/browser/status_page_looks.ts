/** How the status page looks, reads and scales, with models in every state at once (`showcase.ts`). */
import { expect } from "expect";
import type { BrowserContextOptions, Page } from "playwright-core";
import { eventually } from "../../src/testing/eventually.ts";
import { axeFaults, closeBrowser, openPage, untilLive } from "./browser.ts";
import { DAY, many, serveShowcase } from "./showcase.ts";

const WIDE = { width: 1440, height: 900 };
const PHONE = { width: 360, height: 780 };
const DOCS = new URL("../../docs/", import.meta.url).pathname;
const WRITES = Deno.args.includes("--screenshots");

const test = (name: string, fn: () => Promise<void>) =>
  Deno.test({ name, fn, sanitizeOps: false, sanitizeResources: false });

Deno.test.afterAll(closeBrowser);

async function names(page: Page): Promise<string[]> {
  return await page.locator("tr.row .toggle").allTextContents();
}

test("axe finds nothing wrong with the status page: light and dark, on a desk and on a phone", async () => {
  for (const colorScheme of ["light", "dark"] as const) {
    // High enough for all of it: axe passes over what is not drawn.
    for (const viewport of [WIDE, { ...PHONE, height: 4_000 }]) {
      await using showcase = serveShowcase(DAY);
      const options: BrowserContextOptions = { colorScheme, viewport, reducedMotion: "reduce" };
      await using tab = await openPage(showcase.url, options);
      const { page } = tab;
      await untilLive(page);
      const of = `${colorScheme} ${viewport.width}`;
      await page.getByRole("button", { name: "qwen3-8b", exact: true }).click();
      await page.locator(".plot canvas").waitFor();
      expect([of, await axeFaults(page)]).toEqual([of, []]);
      await page.getByRole("button", { name: "Sleep qwen3-8b" }).click();
      await page.getByRole("dialog").waitFor();
      expect([`${of}, a question`, await axeFaults(page, "dialog")]).toEqual([
        `${of}, a question`,
        [],
      ]);
      await page.keyboard.press("Escape");
      tab.forgive();
      showcase.cut();
      await page.locator("main.stale").waitFor();
      expect([`${of}, lost`, await axeFaults(page)]).toEqual([`${of}, lost`, []]);
    }
  }
});

test("the status page answers for any model: is it up, why, since when, and what comes next", async () => {
  await using showcase = serveShowcase(DAY);
  await using tab = await openPage(showcase.url, { viewport: WIDE });
  const { page } = tab;
  await untilLive(page);
  await page.locator("header").filter({ hasText: /Freed \d+\.\d of \d+\.\d GPU-hours today/ })
    .waitFor();
  const says = async (model: string, ...words: (string | RegExp)[]) => {
    const row = page.locator(`tr.row[data-model="${model}"]`);
    for (const word of words) await row.filter({ hasText: word }).waitFor();
    return row;
  };
  const waking = await says("deepseek-r1-70b", "waking", "loading for 41 s: pod", "0/1", "so far");
  await waking.getByRole("img", {
    name: "This wake, scheduling 1.1s, pulling 38.4s, starting 15.2s, loading 41.3s",
  }).waitFor();
  await says("qwen3-8b", "active", "a request came", "in use", "1/1", "14.5 h");
  await says("qwen3-coder-30b", "idle", /10m \d\ds/);
  await says("bge-m3", "pinned", /1h 4\dm/);
  await says("llama-3.3-70b", "failed", "no node takes its pod", "failed");
  const note = page.locator("tr.note");
  for (const words of ["4 Insufficient nvidia.com/gpu", "Free a GPU", /refused for another \d+s/]) {
    await note.filter({ hasText: words }).waitFor();
  }
  const asleep = await says("mistral-small-24b", "asleep", "quiet for 900.0 s");
  await asleep.getByRole("img", { name: /^up 3h \d\dm of 23h \d\dm, 3 cold starts$/ }).waitFor();
  await page.locator("footer").filter({ hasText: "this gateway's memory" }).waitFor();
  await page.getByRole("button", { name: "qwen3-8b", exact: true }).click();
  const sheet = page.locator("tr.detail");
  for (
    const words of [
      ...["vllm-qwen3-8b-7d4f9-kq8zn", "gpu-a1", "6 cold starts, median 1m 01s", "loading 30.9s"],
      "freed 105.0 of 150.0",
    ]
  ) await sheet.filter({ hasText: words }).waitFor();
});

test("the status page never scrolls sideways, down to a phone's width", async () => {
  await using showcase = serveShowcase(DAY);
  await using tab = await openPage(`${showcase.url}#open=qwen3-8b`);
  const { page } = tab;
  await untilLive(page);
  for (const width of [1440, 1360, 1280, 1180, 1179, 900, 640, 360]) {
    await page.setViewportSize({ width, height: 780 });
    await eventually(async () =>
      Number(await page.evaluate("document.documentElement.scrollWidth")) <= width
    );
  }
});

/** The names in the table, once they are these; the page draws a frame later. */
async function untilNames(page: Page, ...expected: string[]): Promise<void> {
  await eventually(async () =>
    (await names(page)).slice(0, expected.length).join() === expected.join()
  );
}

test("the status page filters and sorts, and keeps that in its address", async () => {
  await using showcase = serveShowcase(DAY);
  await using tab = await openPage(showcase.url, { viewport: WIDE });
  const { page } = tab;
  await untilLive(page);
  expect(await names(page)).toEqual(DAY.map(({ name }) => name).toSorted());
  await page.getByRole("button", { name: "Waiting" }).click();
  await untilNames(page, "deepseek-r1-70b");
  expect(await page.locator("thead th[aria-sort=descending]").textContent()).toMatch(/^Waiting/);
  await page.getByRole("button", { name: /^\d failed/ }).click();
  await untilNames(page, "llama-3.3-70b");
  await page.waitForURL(/sort=-pending/);
  await page.reload();
  await untilLive(page);
  expect(await names(page)).toEqual(["llama-3.3-70b"]);
  await page.getByRole("button", { name: /^\d all/ }).click();
  await page.getByRole("searchbox").fill("qwen3 idle");
  await untilNames(page, "qwen3-coder-30b");
  expect((await names(page)).length).toBe(1);
  await page.getByRole("searchbox").fill("no such model");
  await page.getByRole("button", { name: "Show all" }).click();
  await eventually(async () => (await names(page)).length === DAY.length);
});

test("the status page shows 1,000 models, and answers a key at once meanwhile", async () => {
  for (const count of [500, 1_000]) {
    await using showcase = serveShowcase(many(count));
    await using tab = await openPage(showcase.url, { viewport: WIDE });
    const { page } = tab;
    const rows = page.locator("tr.row");
    await eventually(async () => await rows.count() === count);
    await page.evaluate(STOPWATCH);
    const one = Number(await page.evaluate("typed('qwen3-8b-001')"));
    await eventually(async () => await rows.count() === 1);
    const first = Number(await page.evaluate("typed('')"));
    await eventually(async () => await rows.count() === count);
    const all = Number(await page.evaluate("performance.now() - begunMs"));
    const longest = Number(await page.evaluate("longestMs"));
    console.log(
      `${count} models: filtered to one in ${one.toFixed()} ms, the first of all again in ${first.toFixed()} ms, ` +
        `all of them in ${all.toFixed()} ms, the page busy for ${longest.toFixed()} ms at most`,
    );
  }
});

/** Types into the filter, and says after how many ms the next frame was drawn. */
const STOPWATCH = `
  globalThis.longestMs = 0;
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) longestMs = Math.max(longestMs, duration);
  }).observe({ type: "longtask" });
  globalThis.typed = (text) => new Promise((resolve) => {
    const input = document.querySelector("input[type=search]");
    globalThis.begunMs = performance.now();
    input.value = text;
    input.dispatchEvent(new Event("input", { bubbles: true }));
    requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - begunMs)));
  });
`;

if (WRITES) {
  const write = async (file: string, hash: string, options: BrowserContextOptions) => {
    await using showcase = serveShowcase(DAY);
    await using tab = await openPage(showcase.url + hash, { reducedMotion: "reduce", ...options });
    await untilLive(tab.page);
    await tab.page.evaluate("document.querySelector('h1 small').textContent = '127.0.0.1:9090'");
    await tab.page.screenshot({ path: `${DOCS}${file}` });
  };
  test("screenshots are written", async () => {
    const viewport = { width: 1440, height: 860 };
    await write("status-page-light.png", "", { viewport });
    await write("status-page-dark.png", "#open=qwen3-8b&sort=state", {
      viewport,
      colorScheme: "dark",
    });
    await write("status-page-phone.png", "#sort=state", { viewport: PHONE });
  });
}
