import { expect } from "expect";
import { systemTcp } from "./tcp.ts";

Deno.test("connect() tells a listener from nobody", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  expect(await systemTcp.connect("127.0.0.1", port, 5_000)).toBe("accepted");
  listener.close();
  expect(await systemTcp.connect("127.0.0.1", port, 5_000)).toBe("refused");
});

Deno.test("connect() calls a name that nobody has refused", async () => {
  expect(await systemTcp.connect("no-such-host.invalid", 80, 5_000)).toBe("refused");
});

Deno.test("connect() is silent when its time is over before there is an answer", async () => {
  expect(await systemTcp.connect("127.0.0.1", 9, 0)).not.toBe("accepted");
  // Nobody answers for this address (TEST-NET-1); a host without any route says so at once.
  expect(["silent", "refused"]).toContain(await systemTcp.connect("192.0.2.1", 80, 50));
});

Deno.test("freePort() gives ports that can be listened on, each time another", () => {
  const ports = Array.from({ length: 20 }, () => systemTcp.freePort());
  expect(new Set(ports).size).toBe(20);
  for (const port of ports) {
    expect(port).toBeGreaterThanOrEqual(20_000);
    expect(port).toBeLessThan(30_000);
    Deno.listen({ hostname: "127.0.0.1", port }).close();
  }
});

Deno.test("freePort() leaves out a port that is taken", () => {
  const taken = systemTcp.freePort() + 1;
  using _listener = Deno.listen({ hostname: "127.0.0.1", port: taken });
  expect(systemTcp.freePort()).not.toBe(taken);
});
