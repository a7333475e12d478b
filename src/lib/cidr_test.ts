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
    ["::/0", "", false],
    ["::/0", "10.0.0.1", false],
    ["::/0", "::ffff:10.0.0.1", false],
    ["10.0.0.0/8", "::ffff:a00:1", true],
    ["::ffff:10.0.0.0/104", "10.1.1.1", true],
    ["::ffff:10.0.0.0/104", "11.1.1.1", false],
    ["::ffff:0:0/96", "192.168.0.1", true],
    ["64:ff9b::/96", "64:ff9b::10.0.0.1", true],
    ["::/0", "1:2:3:4:5:6:7::", true],
    ["::/0", "1:2:3:4:5:6:7:8::", false],
    ["::/0", "1:2:3:4:5:6:7", false],
    ["::/0", "10.0.0.1::", false],
    ["::/0", ":::", false],
    ["::/0", "12345::", false],
    ["10.0.0.0/8", "010.0.0.1", false],
    ["10.0.0.0/8", "10.0.0.1.", false],
    ["10.0.0.0/8", "10.0.0.1.5", false],
  ] as const
) {
  Deno.test(`createCidrMatcher() says ${want} for ${address} in ${range}`, () => {
    expect(createCidrMatcher([range])(address)).toBe(want);
  });
}

// A forgotten length was taken for 0, and everybody was a trusted proxy.
for (
  const range of [
    ..."10.0.0/8,10.0.0.0/,10.0.0.0/33,10.0.0.0/-1,10.0.0.0/8/9,10.0.0.0/1e1,10.0.0.0/ 8".split(
      ",",
    ),
    ..."::/129,fd00::/,/8,,10.0.0.0/0x8,host/8".split(","),
  ]
) {
  Deno.test(`createCidrMatcher() refuses '${range}' as a range`, () => {
    expect(() => createCidrMatcher([range])).toThrow(`Cannot read address range '${range}'`);
  });
}

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

Deno.test("createCidrMatcher() agrees with arithmetic on any IPv6 range and address, however written", () => {
  const group = fc.oneof(fc.constant(0), fc.nat({ max: 0xffff }));
  const groups = fc.array(group, { minLength: 8, maxLength: 8 });
  const number = (parts: number[]) => parts.reduce((sum, part) => sum << 16n | BigInt(part), 0n);
  const plain = (parts: number[]) => parts.map((part) => part.toString(16)).join(":");
  /** As a URL writes it: the longest run of zeros is left out. */
  const short = (parts: number[]) => new URL(`http://[${plain(parts)}]`).hostname.slice(1, -1);
  const isMapped = (parts: number[]) => number(parts) >> 32n === 0xffffn;
  fc.assert(
    fc.property(groups, groups, fc.nat({ max: 128 }), fc.nat({ max: 8 }), (a, b, bits, same) => {
      const address = [...a.slice(0, same), ...b.slice(same)];
      fc.pre(!isMapped(a) && !isMapped(address));
      const shift = BigInt(128 - bits);
      const want = number(a) >> shift === number(address) >> shift;
      for (const write of [plain, short]) {
        expect(createCidrMatcher([`${short(a)}/${bits}`])(write(address).toUpperCase())).toBe(want);
      }
    }),
    { numRuns: 500 },
  );
});
