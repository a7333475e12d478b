import { expect } from "expect";
import { EventParser } from "./events.js";

Deno.test("EventParser finds events however they were cut, and passes over comments", () => {
  const text =
    'event: models\ndata: [{"name":"m"}]\n\n: keep-alive\n\nevent: change\ndata: {"at":1}\n\n';
  for (let size = 1; size <= text.length; size++) {
    const parser = new EventParser();
    const events = [];
    for (let at = 0; at < text.length; at += size) {
      events.push(...parser.push(text.slice(at, at + size)));
    }
    expect([size, events]).toEqual([size, [
      { name: "models", data: [{ name: "m" }] },
      { name: "change", data: { at: 1 } },
    ]]);
  }
});
