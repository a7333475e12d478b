/**
 * A tokenizer without a vocabulary: four bytes of UTF-8 are one token, whose id is their value in
 * base 257 (each byte plus one). About as many tokens as a real one gives, and exactly reversible.
 */
const BYTES_PER_TOKEN = 4;
const BASE = 257;

const encoder = new TextEncoder();

export function countTokens(text: string): number {
  return Math.ceil(encoder.encode(text).length / BYTES_PER_TOKEN);
}

export function tokenize(text: string): number[] {
  const bytes = encoder.encode(text);
  return Array.from(
    { length: Math.ceil(bytes.length / BYTES_PER_TOKEN) },
    (_, i) =>
      bytes.subarray(i * BYTES_PER_TOKEN, (i + 1) * BYTES_PER_TOKEN)
        .reduceRight((id, byte) => id * BASE + byte + 1, 0),
  );
}

/** Any number is taken: what is no token of ours gives some text, as with a real vocabulary. */
export function detokenize(tokens: readonly number[]): string {
  const bytes: number[] = [];
  for (const token of tokens) {
    let rest = Math.max(0, Math.floor(token));
    for (let i = 0; i < BYTES_PER_TOKEN && rest > 0; i++) {
      bytes.push((rest % BASE + BASE - 1) % BASE & 0xff);
      rest = Math.floor(rest / BASE);
    }
  }
  return new TextDecoder().decode(new Uint8Array(bytes));
}

/** The text of a prompt: a string, token ids, content parts, or a list of any of them. */
export function promptText(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "number") return detokenize([value]);
  if (Array.isArray(value)) return value.map(promptText).join("");
  if (typeof value === "object" && value !== null) {
    const { text, content } = value as { text?: unknown; content?: unknown };
    return promptText(text ?? content);
  }
  return "";
}

/** What a chat template adds: around each message, and to open the answer. */
const TEMPLATE_TOKENS = 3;

export function countChatTokens(messages: readonly unknown[]): number {
  return messages.reduce<number>(
    (sum, message) => sum + TEMPLATE_TOKENS + countTokens(promptText(message)),
    TEMPLATE_TOKENS,
  );
}
