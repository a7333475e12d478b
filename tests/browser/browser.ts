/** A real Chromium for tests of the status page; whatever a page must never do is noticed and told at its end. */
import axe from "axe-core";
import { expect } from "expect";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/** $CHROMIUM, or what is found in the PATH. */
export async function findChromium(): Promise<string | undefined> {
  const named = Deno.env.get("CHROMIUM");
  if (named) return named;
  for (const folder of (Deno.env.get("PATH") ?? "").split(":").filter(Boolean)) {
    for (const name of NAMES) {
      const path = `${folder}/${name}`;
      if (await Deno.stat(path).then(({ isFile }) => isFile, () => false)) return path;
    }
  }
  return undefined;
}

export interface Tab extends AsyncDisposable {
  readonly page: Page;
  /** What went wrong in the page from now on is part of the test: the connection is lost on purpose, say. */
  forgive(): void;
}

/**
 * Opens `url` in a context of its own: no cookies, no cache. At the end it must have asked nobody but its own origin, broken no content policy,
 * and written no error to its console.
 */
export async function openPage(url: string, options: BrowserContextOptions = {}): Promise<Tab> {
  const context = await (await (browser ??= launch())).newContext(options);
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const faults: string[] = [];
  let isForgiven = false;
  const { origin } = new URL(url);
  page.on("request", (request) => {
    const asked = new URL(request.url());
    if (asked.origin !== origin && asked.protocol !== "data:") faults.push(`asked ${asked}`);
  });
  page.on("pageerror", (error) => faults.push(`threw ${error.stack ?? error}`));
  page.on("console", (message) => {
    if (message.type() === "error" && !isForgiven) faults.push(`said ${message.text()}`);
  });
  await page.addInitScript(
    "addEventListener('securitypolicyviolation', (e) => console.error('CSP', e.violatedDirective, e.blockedURI))",
  );
  await page.goto(url);
  return {
    page,
    forgive: () => isForgiven = true,
    async [Symbol.asyncDispose]() {
      await context.close();
      expect(faults).toEqual([]);
    },
  };
}

/** One for all pages of a test file, which closes it when it is done. */
let browser: Promise<Browser> | undefined;

async function launch(): Promise<Browser> {
  const executablePath = await findChromium();
  if (!executablePath) throw new Error("There is no Chromium; see CONTRIBUTING.md");
  // Chromium's own sandbox does not work for root.
  const args = Deno.uid() === 0 ? ["--no-sandbox"] : [];
  return await chromium.launch({ executablePath, args });
}

export async function closeBrowser(): Promise<void> {
  await (await browser)?.close();
}

/** What axe finds wrong with the page, or with a part of it, as it is: the rule, and where. */
export async function axeFaults(page: Page, part = "html"): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(`axe.run("${part}")`) as axe.AxeResults;
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${target}: ${failureSummary}`)
  );
}

/** Until the page shows what the gateway says now. */
export async function untilLive(page: Page): Promise<void> {
  await page.locator(".liveness.live").waitFor();
  await page.locator("tr.row").first().waitFor();
}
