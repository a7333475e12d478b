import { expect } from "expect";
import { News } from "./news.ts";

Deno.test("News.until() resolves at once, or at the news that makes it so", async () => {
  const news = new News();
  await news.until(() => true);
  let count = 0;
  const done = news.until(() => count === 2).then(() => "done");
  for (count = 1; count < 2; count++) news.tell();
  expect(await Promise.race([done, Promise.resolve("waits")])).toBe("waits");
  news.tell();
  expect(await done).toBe("done");
});

Deno.test("News.until() rejects with the signal's reason, before and while it waits", async () => {
  const news = new News();
  const end = new AbortController();
  const waits = news.until(() => false, end.signal);
  end.abort(new Error("enough"));
  await expect(waits).rejects.toThrow("enough");
  await expect(news.until(() => true, end.signal)).rejects.toThrow("enough");
});
