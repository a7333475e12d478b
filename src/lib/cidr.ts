/** Address ranges such as `10.0.0.0/8` and `fd00::/8`. */

/**
 * True if `address` is in one of `ranges`. IPv4 and IPv6 are two worlds: `::/0` holds no IPv4 address,
 * and `::ffff:10.0.0.1` is one, in addresses and in ranges.
 * @throws Error if a range is none
 */
export function createCidrMatcher(ranges: readonly string[]): (address: string) => boolean {
  const networks = ranges.map(parseRange);
  if (networks.length === 0) return () => false;
  return (text) => {
    const bytes = parseAddress(text);
    if (!bytes) return false;
    const address = withoutMapping({ bytes, bits: 8 * bytes.length });
    return networks.some((network) =>
      network.bytes.length === address.bytes.length &&
      sameBits(network.bytes, address.bytes, network.bits)
    );
  };
}

interface Network {
  /** 4 or 16. */
  readonly bytes: readonly number[];
  /** How many of their bits count. */
  readonly bits: number;
}

function parseRange(range: string): Network {
  const [, address = "", length] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(range) ?? [];
  const bytes = parseAddress(address);
  const bits = Number(length ?? 8 * (bytes?.length ?? 0));
  if (!bytes || bits > 8 * bytes.length) {
    throw new Error(`Cannot read address range '${range}': write e.g. 10.0.0.0/8`);
  }
  return withoutMapping({ bytes, bits });
}

/** `::ffff:0:0/96` holds the IPv4 addresses as a socket for both worlds shows them. */
function withoutMapping({ bytes, bits }: Network): Network {
  const isMapped = bytes.length === 16 && bits >= 96 &&
    bytes.slice(0, 12).every((byte, i) => byte === (i < 10 ? 0 : 0xff));
  return isMapped ? { bytes: bytes.slice(12), bits: bits - 96 } : { bytes, bits };
}

function sameBits(a: readonly number[], b: readonly number[], bits: number): boolean {
  for (let i = 0; 8 * i < bits; i++) {
    const unused = Math.max(0, 8 * (i + 1) - bits);
    if (a[i]! >> unused !== b[i]! >> unused) return false;
  }
  return true;
}

/** 4 or 16 bytes, or undefined if it is no address. */
function parseAddress(text: string): number[] | undefined {
  if (!text.includes(":")) return parseV4(text);
  const [address = ""] = text.split("%", 1);
  const [head = "", tail, ...more] = address.split("::");
  const front = parseGroups(head, tail === undefined);
  const back = parseGroups(tail ?? "", true);
  if (!front || !back || more.length > 0) return undefined;
  const missing = 16 - front.length - back.length;
  if (tail === undefined ? missing !== 0 : missing < 2) return undefined;
  return [...front, ...Array<number>(missing).fill(0), ...back];
}

/** Two bytes a group; the address's last group may be an IPv4 address. */
function parseGroups(text: string, isLast: boolean): number[] | undefined {
  if (text === "") return [];
  const groups = text.split(":");
  const bytes: number[] = [];
  for (const [i, group] of groups.entries()) {
    const v4 = isLast && i === groups.length - 1 ? parseV4(group) : undefined;
    if (!v4 && !/^[0-9a-f]{1,4}$/i.test(group)) return undefined;
    const value = parseInt(group, 16);
    bytes.push(...v4 ?? [value >> 8, value & 0xff]);
  }
  return bytes;
}

/** Without leading zeros, which some read as octal. */
function parseV4(text: string): number[] | undefined {
  if (!/^(?:(?:0|[1-9]\d{0,2})(?:\.|$)){4}$/.test(text) || text.endsWith(".")) return undefined;
  const bytes = text.split(".").map(Number);
  return bytes.every((byte) => byte <= 255) ? bytes : undefined;
}
