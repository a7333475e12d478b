/** The status page in a real Chromium, in front of a real gateway with engines: what is shown is true, what is pressed is done. */
import { expect } from "expect";
import type { Locator, Page } from "playwright-core";
import { eventually } from "../../src/testing/eventually.ts";
import { engineModel, GatewayProcess } from "../../src/testing/gateway_process.ts";
import { closeBrowser, openPage, type Tab, untilLive } from "./browser.ts";

const BROKEN =
  `  broken: { process: { command: [sh, -c, "echo CUDA out of memory >&2; exit 1"] } }\n`;
const MODELS = engineModel("m", "--cold-start 500ms", "idleTimeout: 40s") +
  engineModel("other") + BROKEN +
  `  off: { process: { command: [none] }, enabled: false }\n`;

const test = (name: string, fn: () => Promise<void>) =>
  // What playwright-core keeps open between its own calls is its own matter.
  Deno.test({ name, fn, sanitizeOps: false, sanitizeResources: false });

Deno.test.afterAll(closeBrowser);

async function start(server = "operator: 127.0.0.1:0"): Promise<GatewayProcess> {
  return await GatewayProcess.start(MODELS, { server });
}

function rowOf(page: Page, model: string): Locator {
  return page.locator(`tr.row[data-model="${model}"]`);
}

/** Resolves once `model` is shown in one of `states`. */
async function untilState(page: Page, model: string, ...states: string[]): Promise<void> {
  await rowOf(page, model).locator(".badge").filter({
    hasText: new RegExp(`^(${states.join("|")})$`),
  })
    .waitFor();
}

/** Presses Tab until `locator` has the focus; no mouse is needed to get there. */
async function tabTo(page: Page, locator: Locator): Promise<void> {
  for (let i = 0; i < 60; i++) {
    if (await locator.evaluate((element) => element === element.ownerDocument.activeElement)) {
      return;
    }
    await page.keyboard.press("Tab");
  }
  throw new Error(`Not reached by Tab: ${locator}`);
}

test("the status page wakes a model and shows it come up, without a reload", async () => {
  await using gateway = await start();
  await using tab = await openPage(`${gateway.operatorUrl}/`);
  const { page } = tab;
  await untilLive(page);
  await page.evaluate("window.isSamePage = true");
  await untilState(page, "m", "asleep");
  expect(await rowOf(page, "m").locator(".why").textContent()).toBe("found at zero");
  await page.getByRole("button", { name: "Wake m" }).click();
  await untilState(page, "m", "waking");
  await untilState(page, "m", "active", "idle");
  expect(gateway.states("m")).toContain("waking");
  // How long its wake took, and when it sleeps, counting down.
  await rowOf(page, "m").locator(".wake").filter({ hasText: /^\d+\.\ds\d+s ago$/ }).waitFor();
  const sleepsIn = rowOf(page, "m").locator('[data-label="Sleeps in"]');
  await sleepsIn.filter({ hasText: /^[34]\ds$/ }).waitFor();
  const first = await sleepsIn.textContent();
  await eventually(async () => await sleepsIn.textContent() !== first);
  // A request in flight is seen within a second, and so is its end.
  const answer = await gateway.chat("m", { stream: true, max_tokens: 400, ignore_eos: true });
  await rowOf(page, "m").locator('[data-label="In flight"]').filter({ hasText: "1" }).waitFor();
  await answer.body?.cancel();
  await rowOf(page, "m").locator('[data-label="In flight"]').filter({ hasText: "0" }).waitFor();
  // Who hears the page is told as well, a sentence now and then.
  await page.locator('#live[aria-live="polite"]').filter({ hasText: /^m is (active|idle)\.$/ })
    .waitFor({ state: "attached" });
  expect(await page.evaluate("window.isSamePage")).toBe(true);
});

test("the status page says in full why a wake failed, what to do about it, and when it is tried again", async () => {
  await using gateway = await start();
  await using tab = await openPage(`${gateway.operatorUrl}/#open=broken`);
  const { page } = tab;
  await untilLive(page);
  await page.getByRole("button", { name: "Wake broken" }).click();
  await untilState(page, "broken", "failed");
  const note = page.locator("tr.note");
  await note.filter({ hasText: "CUDA out of memory" }).waitFor();
  await note.filter({ hasText: "--max-model-len" }).waitFor();
  await note.filter({ hasText: /refused for another \d+s/ }).waitFor();
  await rowOf(page, "broken").filter({ hasText: "out of memory" }).waitFor();
  // The sheet below: what has changed lately, and the plot of what it took.
  const sheet = page.locator("tr.detail");
  await sheet.filter({ hasText: "1 cold start, 1 failed" }).waitFor();
  await sheet.locator(".plot canvas").waitFor();
  // An operator need not wait for the next try.
  await page.getByRole("button", { name: "Wake broken" }).click();
  await sheet.filter({ hasText: "2 cold starts, 2 failed" }).waitFor();
  // What the gateway does not do it gives a reason for, and the page says it on.
  tab.forgive();
  await page.getByRole("button", { name: "Wake off" }).click();
  const refusal = page.getByRole("dialog");
  await refusal.getByRole("alert").filter({ hasText: "disabled in the configuration" }).waitFor();
  await page.keyboard.press("Escape");
  await refusal.waitFor({ state: "detached" });
});

test("the status page comes back by itself after the gateway was restarted", async () => {
  await using gateway = await start();
  const { host } = new URL(gateway.operatorUrl);
  await gateway.write(MODELS, { server: `operator: ${host}` });
  await using tab = await openPage(`http://${host}/`);
  const { page } = tab;
  await untilLive(page);
  await page.getByRole("button", { name: "Wake other" }).click();
  await untilState(page, "other", "active", "idle");
  tab.forgive();
  await gateway.stop("SIGKILL");
  await page.locator(".liveness.lost").filter({ hasText: "Connection lost" }).waitFor();
  await page.locator("main.stale").waitFor();
  // What was up may have changed: nothing is counted on.
  const since = await rowOf(page, "other").locator(".state small").textContent();
  await page.locator(".liveness.lost").filter({ hasText: /Trying again in [12]s/ }).waitFor();
  expect(await rowOf(page, "other").locator(".state small").textContent()).toBe(since);
  await gateway.run();
  await page.locator(".liveness.live").waitFor();
  await untilState(page, "other", "asleep");
  expect(await page.locator("main.stale").count()).toBe(0);
});

// The gateway cannot put to sleep and pin by hand yet: these two are answered here, in the words of the API.
test("the status page is used by keyboard alone, asks before it hurts, and gives the focus back", async () => {
  await using gateway = await start();
  await using tab = await openPage(`${gateway.operatorUrl}/`);
  const { page } = tab;
  await untilLive(page);
  await tabTo(page, page.getByRole("button", { name: "Wake m" }));
  await page.keyboard.press("Enter");
  await untilState(page, "m", "active", "idle");
  const sleep = page.getByRole("button", { name: "Sleep m" });
  expect(await sleep.evaluate((element) => element === element.ownerDocument.activeElement)).toBe(
    true,
  );
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("heading", { name: "Put m to sleep?" }).waitFor();
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  expect(await sleep.evaluate((element) => element === element.ownerDocument.activeElement)).toBe(
    true,
  );
  expect(gateway.states("m")).not.toContain("stopping");
  tab.forgive();
  const stream = await gateway.chat("m", { stream: true, max_tokens: 3_000 });
  await page.keyboard.press("Enter");
  await tabTo(page, dialog.getByRole("button", { name: "Put to sleep" }));
  await page.keyboard.press("Enter");
  await dialog.getByRole("alert").filter({ hasText: "it is in use: 1 in flight" }).waitFor();
  await tabTo(page, dialog.getByRole("button", { name: "Force it to sleep" }));
  await page.keyboard.press("Enter");
  await dialog.waitFor({ state: "detached" });
  await untilState(page, "m", "stopping");
  expect(await stream.text()).toMatch(/data: \[DONE\]\n\n$/);
  await untilState(page, "m", "asleep");
  await tabTo(page, page.getByRole("button", { name: "Pin m" }));
  await page.keyboard.press("Enter");
  await tabTo(page, dialog.getByRole("combobox"));
  await page.keyboard.press("ArrowDown");
  await tabTo(page, dialog.getByRole("button", { name: "Pin", exact: true }));
  await page.keyboard.press("Enter");
  await dialog.waitFor({ state: "detached" });
  // A sleeping one is woken by that.
  await untilState(page, "m", "idle");
  await rowOf(page, "m").getByText("pinned").waitFor();
  const { pinnedUntil } = await (await fetch(`${gateway.operatorUrl}/api/models/m`)).json();
  expect(Math.round((Date.parse(pinnedUntil) - Date.now()) / 3_600_000)).toBe(8);
  await tabTo(page, page.getByRole("button", { name: "Unpin m" }));
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Pin m" }).waitFor();
});

test("away from loopback the status page works with an operator's key as the browser asks for it", async () => {
  await using gateway = await start(
    "operator: 0.0.0.0:0\nkeys: [{ name: ops, key: secret, operator: true }]",
  );
  const { port } = new URL(gateway.operatorUrl);
  const url = `http://127.0.0.1:${port}/`;
  expect(
    (await fetch(url).then(async (response) => (await response.body?.cancel(), response))).status,
  )
    .toBe(401);
  const httpCredentials = { username: "anybody", password: "secret" };
  await using tab: Tab = await openPage(url, { httpCredentials });
  const { page } = tab;
  tab.forgive();
  await untilLive(page);
  await page.getByRole("button", { name: "Wake m" }).click();
  await untilState(page, "m", "active", "idle");
});
