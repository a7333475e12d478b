/** A shell's command line as words, as far as can be told without running it. */

/** What ends one command and begins another. */
const OPERATORS = /^(?:&&|\|\||[;|&\n])/;

/**
 * The commands of `text`, each as its words: quotes are taken off, lines that end with a backslash are
 * one, comments are left out. References such as `$NAME` stay as they are, those in single quotes too.
 */
export function shellCommands(text: string): string[][] {
  const commands: string[][] = [];
  let words: string[] = [];
  let word: string | undefined;
  const endWord = () => {
    if (word !== undefined) words.push(word);
    word = undefined;
  };
  const endCommand = () => {
    endWord();
    if (words.length > 0) commands.push(words);
    words = [];
  };
  for (let rest = text; rest !== "";) {
    const token = tokenOf(rest, word === undefined);
    rest = rest.slice(token.length);
    const first = token[0]!;
    if (OPERATORS.test(token)) endCommand();
    else if (/^(?:[ \t\r]|\\\r?\n)/.test(token)) endWord();
    else if (first === "#" && word === undefined) continue;
    else word = (word ?? "") + unquoted(token);
  }
  endCommand();
  return commands;
}

/** The first piece of `text` that means one thing. */
function tokenOf(text: string, isStart: boolean): string {
  if (isStart && text.startsWith("#")) return /^#[^\n]*/.exec(text)![0];
  return OPERATORS.exec(text)?.[0] ??
    /^(?:\\\r?\n|\\[^]|'[^']*'?|"(?:[^"\\]|\\[^])*"?|\$\{[^}]*\}?|\$\([^)]*\)?|[ \t\r]+|[^\s'"\\;&|$]+|\$)/
      .exec(text)?.[0] ??
    text[0]!;
}

function unquoted(token: string): string {
  switch (token[0]) {
    case "'":
      return token.replace(/^'|'$/g, "");
    case '"':
      return token.replace(/^"|"$/g, "").replace(/\\\r?\n/g, "").replace(/\\(["\\$`])/g, "$1");
    case "\\":
      return token.slice(1);
    default:
      return token;
  }
}
