/** Address ranges such as `10.0.0.0/8` and `fd00::/8`. */

/** True if `address` is in one of `ranges`; an IPv4 address may come as `::ffff:10.0.0.1`. */
export function createCidrMatcher(ranges: readonly string[]): (address: string) => boolean {
  const networks = ranges.map((range) => {
    const [address, bits] = range.split("/") as [string, string?];
    const bytes = parseAddress(address);
    if (!bytes) throw new Error(`Cannot read address range '${range}': write e.g. 10.0.0.0/8`);
    return { bytes, bits: bits === undefined ? bytes.length * 8 : Number(bits) };
  });
  return (address) => {
    const bytes = parseAddress(address);
    if (!bytes) return false;
    return networks.some((network) =>
      network.bytes.length === bytes.length && sameBits(network.bytes, bytes, network.bits)
    );
  };
}

function sameBits(a: readonly number[], b: readonly number[], bits: number): boolean {
  for (let i = 0; i < a.length; i++) {
    const left = bits - 8 * i;
    if (left <= 0) return true;
    const mask = left >= 8 ? 0xff : 0xff << (8 - left) & 0xff;
    if ((a[i]! & mask) !== (b[i]! & mask)) return false;
  }
  return true;
}

/** 4 or 16 bytes, or undefined if it is no address. */
function parseAddress(text: string): number[] | undefined {
  const v4 = /^(?:::ffff:)?(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/i.exec(text);
  if (v4) {
    const bytes = v4.slice(1).map(Number);
    return bytes.every((byte) => byte <= 255) ? bytes : undefined;
  }
  const [head = "", tail, ...more] = text.split("%")[0]!.split("::");
  if (more.length > 0 || !/^[0-9a-f:]*$/i.test(text.split("%")[0]!)) return undefined;
  const groups = (part: string) => part === "" ? [] : part.split(":");
  const [front, back] = [groups(head), tail === undefined ? [] : groups(tail)];
  const missing = 8 - front.length - back.length;
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  const all = [...front, ...Array<string>(tail === undefined ? 0 : missing).fill("0"), ...back];
  if (!all.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  return all.flatMap((group) => {
    const value = parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}
