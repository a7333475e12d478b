import { expect } from "expect";
import { Ledger } from "./soak_ledger.ts";

Deno.test("Ledger counts what became of requests, and why they were lost", () => {
  const ledger = new Ledger();
  ledger.took("short", "answered");
  ledger.took("short", "left");
  ledger.took("broken", "refused");
  for (let i = 0; i < 2; i++) ledger.lost("short", new Error("502"));
  expect(ledger.count("answered", "short")).toBe(1);
  expect(ledger.count("left")).toBe(1);
  expect([ledger.all, ledger.lostCount]).toEqual([5, 2]);
  expect(ledger.faults).toBe("2 x short: 502");
  expect(ledger.kinds).toEqual(["broken", "short"]);
});
