import { expect } from "expect";
import type { HttpResponse } from "../platform/http_messages.ts";
import { requestContext } from "../testing/requests.ts";
import { foldLayers, type Layer } from "./layers.ts";

/** Where a request went, and what was answered. */
async function pass(layers: (steps: string[]) => Layer[], last: () => HttpResponse) {
  const steps: string[] = [];
  const answer = foldLayers(layers(steps), () => {
    steps.push("last");
    return last();
  }, (error) => new Response(`rescued: ${(error as Error).message}`));
  const response = await answer(new Request("http://gateway.test/"), requestContext());
  return { steps, text: await (response as Response).text() };
}

const passed = (steps: string[], name: string): Layer => ({
  enter() {
    steps.push(`into ${name}`);
    return undefined;
  },
  leave(response) {
    steps.push(`out of ${name}`);
    return Promise.resolve(response);
  },
});

Deno.test("layers are entered from the first and left from the last", async () => {
  const { steps, text } = await pass(
    (steps) => [passed(steps, "a"), passed(steps, "b")],
    () => new Response("hi"),
  );
  expect(steps).toEqual(["into a", "into b", "last", "out of b", "out of a"]);
  expect(text).toBe("hi");
});

Deno.test("the first layer that answers is the last that is entered, and all are left", async () => {
  const answering: Layer = { enter: () => Promise.resolve(new Response("no further")) };
  const { steps, text } = await pass(
    (steps) => [passed(steps, "a"), answering, passed(steps, "b")],
    () => new Response("hi"),
  );
  expect(steps).toEqual(["into a", "out of b", "out of a"]);
  expect(text).toBe("no further");
});

Deno.test("what a layer throws, or the last one, is answered, and all are left", async () => {
  const throwing: Layer = { enter: () => Promise.reject(new Error("no key")) };
  const refused = await pass(
    (steps) => [passed(steps, "a"), throwing],
    () => new Response("hi"),
  );
  expect(refused).toEqual({ steps: ["into a", "out of a"], text: "rescued: no key" });
  const failed = await pass((steps) => [passed(steps, "a")], () => {
    throw new Error("no such model");
  });
  expect(failed.steps).toEqual(["into a", "last", "out of a"]);
  expect(failed.text).toBe("rescued: no such model");
});

Deno.test("an answer can become another one on its way out", async () => {
  const signing: Layer = {
    leave: (response) => new Response(`${response.status} signed`),
  };
  const { text } = await pass(() => [signing], () => new Response(null, { status: 204 }));
  expect(text).toBe("204 signed");
});
