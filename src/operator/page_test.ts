import { expect } from "expect";
import { statusPage } from "./page.ts";

const PAGE = new URL("./page/", import.meta.url);

async function get(path: string, headers: HeadersInit = {}): Promise<Response | undefined> {
  return await statusPage(path, new Headers(headers))?.();
}

Deno.test("statusPage() serves every file of the page, and what each of them asks for", async () => {
  const files: string[] = [];
  for (const folder of ["", "vendor/"]) {
    for (const { name, isFile } of Deno.readDirSync(new URL(folder, PAGE))) {
      if (isFile && !/_test\.ts$|^index\.html$|^vendor\.json$/.test(name)) {
        files.push(folder + name);
      }
    }
  }
  for (const file of files) {
    const response = await get(`/page/${file}`);
    expect([file, response?.status]).toEqual([file, 200]);
    const text = await response!.text();
    expect(text).toBe(await Deno.readTextFile(new URL(file, PAGE)));
    for (const [, asked] of text.matchAll(/^(?:import|\}) .*"(\..*)";$/gm)) {
      const { pathname } = new URL(asked!, `http://page/page/${file}`);
      expect([file, asked, (await get(pathname))?.status]).toEqual([file, asked, 200]);
    }
  }
  const index = await (await get("/"))!.text();
  const asked = Array.from(index.matchAll(/(?:src|href)="(page\/[^"]*)"/g), ([, path]) => path);
  expect(asked.length).toBe(4);
  for (const path of asked) expect([path, (await get(`/${path}`))?.status]).toEqual([path, 200]);
  expect(statusPage("/page/none.js", new Headers())).toBe(undefined);
});

Deno.test("statusPage() lets the page load nothing but itself, and nobody frame it", async () => {
  const response = (await get("/"))!;
  expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
  const policy = response.headers.get("content-security-policy")!;
  expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).not.toContain("unsafe");
  expect(response.headers.get("x-content-type-options")).toBe("nosniff");
});

Deno.test("statusPage() answers 304 to who has the file already", async () => {
  const etag = (await get("/page/app.js"))!.headers.get("etag")!;
  expect(etag).toMatch(/^"\w+-\w+"$/);
  const again = (await get("/page/app.js", { "if-none-match": `W/"x", ${etag}` }))!;
  expect([again.status, await again.text(), again.headers.get("etag")]).toEqual([304, "", etag]);
  expect((await get("/page/row.js", { "if-none-match": etag }))!.status).toBe(200);
});
