import { expect } from "expect";
import fc from "fast-check";
import { createCidrMatcher } from "./cidr.ts";

for (
  const [range, address, want] of [
    ["10.0.0.0/8", "10.255.0.1", true],
    ["10.0.0.0/8", "11.0.0.1", false],
    ["192.168.1.5", "192.168.1.5", true],
    ["192.168.1.5/32", "192.168.1.6", false],
    ["0.0.0.0/0", "8.8.8.8", true],
    ["0.0.0.0/0", "::1", false],
    ["10.0.0.0/8", "::ffff:10.1.1.1", true],
    ["fd00::/8", "fd12:3456::1", true],
    ["fd00::/8", "fe80::1%eth0", false],
    ["fe80::/10", "fe80::1%eth0", true],
    ["::1", "::1", true],
    ["::1", "0:0:0:0:0:0:0:1", true],
    ["2001:db8::/33", "2001:db8:8000::1", false],
    ["10.0.0.0/8", "10.0.0", false],
    ["10.0.0.0/8", "10.0.0.256", false],
    ["::/0", "1:2:3:4:5:6:7:8:9", false],
    ["::/0", "1::2::3", false],
    ["::/0", "nonsense", false],
  ] as const
) {
  Deno.test(`createCidrMatcher() says ${want} for ${address} in ${range}`, () => {
    expect(createCidrMatcher([range])(address)).toBe(want);
  });
}

Deno.test("createCidrMatcher() refuses a range that is none", () => {
  expect(() => createCidrMatcher(["10.0.0/8"])).toThrow("Cannot read address range '10.0.0/8'");
});

Deno.test("createCidrMatcher() agrees with arithmetic on any IPv4 range and address", () => {
  const octets = fc.array(fc.nat({ max: 255 }), { minLength: 4, maxLength: 4 });
  const number = (parts: number[]) => parts.reduce((sum, part) => sum * 256n + BigInt(part), 0n);
  fc.assert(
    fc.property(octets, octets, fc.nat({ max: 32 }), fc.boolean(), (a, b, bits, near) => {
      const address = near ? [...a.slice(0, 3), b[3]!] : b;
      const shift = BigInt(32 - bits);
      const want = number(a) >> shift === number(address) >> shift;
      expect(createCidrMatcher([`${a.join(".")}/${bits}`])(address.join("."))).toBe(want);
    }),
  );
});
