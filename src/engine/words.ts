/** The text of every answer: the same words in the same order, one a token. */
const WORDS = (
  "This is a stand-in for a language model: it has no weights, knows nothing and says the same " +
  "words to everybody. What travels around them is what vLLM would send."
).split(" ");

export function word(index: number): string {
  return (index === 0 ? "" : " ") + WORDS[index % WORDS.length]!;
}
