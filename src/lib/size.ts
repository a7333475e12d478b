/** Sizes as people write them, `64MiB` or `10MB`, to bytes and back. */

const UNITS = {
  GiB: 1024 ** 3,
  MiB: 1024 ** 2,
  KiB: 1024,
  GB: 1000 ** 3,
  MB: 1000 ** 2,
  KB: 1000,
} as const;

export const SIZE_PATTERN = /^(\d+(?:\.\d+)?)(KiB|MiB|GiB|KB|MB|GB)$/;

/**
 * Bytes of `text`.
 * @throws Error that says what is wrong with `text` and what to write instead
 */
export function parseSize(text: string): number {
  if (/^[-+]?\d+(\.\d+)?$/.test(text)) {
    throw new Error(`'${text}' needs a unit: write ${text}KiB, ${text}MiB or ${text}GiB`);
  }
  const match = SIZE_PATTERN.exec(text);
  if (!match) throw new Error(`'${text}' is not a size: write e.g. 64MiB, 512KiB or 1GB`);
  const bytes = Number(match[1]) * UNITS[match[2] as keyof typeof UNITS];
  const whole = Math.round(bytes);
  if (!Number.isSafeInteger(whole)) throw new Error(`'${text}' is too large`);
  if (Math.abs(bytes - whole) > 1e-3) throw new Error(`'${text}' is not a whole number of bytes`);
  return whole;
}

/** A text that {@link parseSize} reads as `bytes`, in the largest unit that needs no fraction. */
export function formatSize(bytes: number): string {
  if (bytes === 0) return "0KiB";
  for (const [unit, size] of Object.entries(UNITS)) {
    if (bytes % size === 0) return `${bytes / size}${unit}`;
  }
  return `${bytes / UNITS.KB}KB`;
}
