import { expect } from "expect";
import { settle } from "../testing/virtual_clock.ts";
import { Semaphore } from "./semaphore.ts";

Deno.test("Semaphore lets so many in, and the next in order of arrival", async () => {
  const semaphore = new Semaphore(2);
  const order: number[] = [];
  const places: Disposable[] = [];
  for (let i = 0; i < 5; i++) {
    semaphore.take().then((place) => {
      order.push(i);
      places.push(place);
    });
  }
  await settle();
  expect(order).toEqual([0, 1]);
  places[0]![Symbol.dispose]();
  places[0]![Symbol.dispose]();
  await settle();
  expect(order).toEqual([0, 1, 2]);
  places[1]![Symbol.dispose]();
  places[2]![Symbol.dispose]();
  await settle();
  expect(order).toEqual([0, 1, 2, 3, 4]);
});

Deno.test("Semaphore lets go of who does not want to wait any more", async () => {
  const semaphore = new Semaphore(1);
  const first = await semaphore.take();
  const leaving = new AbortController();
  const gone = semaphore.take(leaving.signal);
  const next = semaphore.take();
  leaving.abort(new Error("gone"));
  await expect(gone).rejects.toThrow("gone");
  await expect(semaphore.take(leaving.signal)).rejects.toThrow("gone");
  first[Symbol.dispose]();
  (await next)[Symbol.dispose]();
  (await semaphore.take())[Symbol.dispose]();
});
