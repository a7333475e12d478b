import { expect } from "expect";
import { shellCommands } from "./shell_words.ts";

const COMMANDS: [string, string[][]][] = [
  ["vllm serve a --port 80", [["vllm", "serve", "a", "--port", "80"]]],
  ["a \\\n  --b=c \\\n  d", [["a", "--b=c", "d"]]],
  ["a 'b c' \"d e\" f\\ g", [["a", "b c", "d e", "f g"]]],
  [`a --json '{"x": "y"}'`, [["a", "--json", '{"x": "y"}']]],
  ["a b'c'\"d\"", [["a", "bcd"]]],
  ["pip install x && exec vllm serve m; echo done", [
    ["pip", "install", "x"],
    ["exec", "vllm", "serve", "m"],
    ["echo", "done"],
  ]],
  ["a | b & c\nd", [["a"], ["b"], ["c"], ["d"]]],
  ["# first\na b # not c\nd#e", [["a", "b"], ["d#e"]]],
  ['a "$MODEL" ${PORT:-80} $(nproc) "x\\"y"', [["a", "$MODEL", "${PORT:-80}", "$(nproc)", 'x"y']]],
  ["a '' b", [["a", "", "b"]]],
  ["a 'never ends", [["a", "never ends"]]],
  ["  ", []],
];

for (const [text, commands] of COMMANDS) {
  Deno.test(`shellCommands() reads ${JSON.stringify(text)}`, () => {
    expect(shellCommands(text)).toEqual(commands);
  });
}
