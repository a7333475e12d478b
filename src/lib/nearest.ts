/** What somebody meant who wrote a word that does not exist. */

/** Longer words are no typing errors, and comparing them would cost their product. */
const WORD_MAX = 64;

/**
 * The candidate that `word` is most likely a misspelling of: case, `-` and `_` count nothing, else at
 * most a third of the letters may be wrong, missing, extra or swapped, or one is the beginning of the
 * other. Undefined if none is near.
 */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  if (word.length > WORD_MAX) return undefined;
  const plainWord = plain(word);
  let best: string | undefined;
  let bestDistance = Infinity;
  for (const candidate of candidates) {
    if (candidate.length > WORD_MAX) continue;
    const plainCandidate = plain(candidate);
    const limit = Math.max(1, Math.floor(Math.max(word.length, candidate.length) / 3));
    const distance = isBeginning(plainWord, plainCandidate)
      ? Math.min(limit, editDistance(plainWord, plainCandidate))
      : editDistance(plainWord, plainCandidate);
    if (distance <= limit && distance < bestDistance && distance < candidate.length) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

function plain(word: string): string {
  return word.toLowerCase().replace(/[-_]/g, "");
}

/** Shorter beginnings say too little. */
const BEGINNING_MIN = 3;

function isBeginning(a: string, b: string): boolean {
  const [short, long] = a.length < b.length ? [a, b] : [b, a];
  return short.length >= BEGINNING_MIN && long.startsWith(short);
}

/** Insertions, deletions, replacements and swaps of neighbours (optimal string alignment). */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let distance = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        distance = Math.min(distance, beforeLast[j - 2]! + 1);
      }
      row.push(distance);
    }
    [beforeLast, last] = [last, row];
  }
  return last[b.length]!;
}
