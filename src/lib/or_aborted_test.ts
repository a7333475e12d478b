import { expect } from "expect";
import { orAborted } from "./or_aborted.ts";

Deno.test("orAborted() is the promise, or the signal's reason, whichever comes first", async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  const controller = new AbortController();
  const left = orAborted(promise, controller.signal);
  controller.abort(new Error("left"));
  await expect(left).rejects.toThrow("left");
  resolve("late");
  expect(await orAborted(promise)).toBe("late");
  expect(await orAborted(promise, new AbortController().signal)).toBe("late");
});

// It would have ended the gateway: nobody had taken the error of a promise that was not waited for.
Deno.test("orAborted() takes the error of a promise that comes after its signal", async () => {
  const { promise, reject } = Promise.withResolvers<never>();
  const waited = orAborted(promise, AbortSignal.abort(new Error("left")));
  await expect(waited).rejects.toThrow("left");
  reject(new Error("late"));
  // A turn of the loop, in which an error that nobody took would fail this test.
  await new Promise((resolve) => setTimeout(resolve));
});
