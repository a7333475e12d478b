import { expectProblems, expectWarnings } from "../testing/bad_config.ts";

const MODELS = "models: {qwen: {deployment: x, aliases: [gpt]}}";

Deno.test("parseConfig() wants routes to models, each once", () => {
  const table: [string, string][] = [
    ["[{path: /, model: ▸qwem}]", "there is no model 'qwem' -> qwen"],
    ["[{path: /, model: ▸zzz}]", "there is no model 'zzz'"],
    ["[{path: /, model: ▸gpt}]", "'gpt' is another name of a model: write its own -> qwen"],
    ["[{path: /a, model: qwen}, {path: ▸/a/, model: qwen}]", "this route is on line 2 already"],
    [
      "[{path: /, host: A.b, model: qwen}, {path: ▸/, host: a.B, model: qwen}]",
      "this route is on line 2 already",
    ],
  ];
  for (const [routes, message] of table) expectProblems(`${MODELS}\nroutes: ${routes}`, [message]);
  expectWarnings(
    `${MODELS}\nroutes: [{path: /, model: qwen}, {path: /, host: a, model: qwen}]`,
    [],
  );
});

Deno.test("parseConfig() wants keys that open something, each once", () => {
  const table: [string, string][] = [
    ["[{▸name: a}]", "a key needs one of key, keyFile, keySha256, keyEnv"],
    ["[{name: a, key: x}, {name: ▸a, key: y}]", "there is a key 'a' already"],
    ["[{name: a, key: x}, {name: b, key: ▸x}]", "another entry has the same key"],
    ["[{name: a, key: x, models: [▸qwem]}]", "there is no model 'qwem' -> qwen"],
    ["[{name: a, keyEnv: ▸NO_KEY}]", "environment variable NO_KEY is not set"],
    ["[{name: a, keyEnv: ▸''}]", "must name a variable"],
  ];
  for (const [keys, message] of table) {
    expectProblems(`${MODELS}\nserver: {keys: ${keys}}`, [message]);
  }
  expectWarnings(`${MODELS}\nserver: {keys: [{name: a, key: x, ▸models: []}]}`, [
    "an empty list: the key opens nothing",
  ]);
  const fine = "[{name: a, keyEnv: K, keyFile: f}, {name: b, key: x, models: [], operator: true}]";
  expectWarnings(`${MODELS}\nserver: {keys: ${fine}}`, [], { K: "secret" });
});

Deno.test("parseConfig() wants room for a body and two free ports", () => {
  const room = "bodyMax (64MiB) is larger than bufferedMax (1MiB): no such body could be held";
  expectProblems(`${MODELS}\nserver: {bufferedMax: ▸1MiB}`, [room]);
  expectProblems(`${MODELS}\nserver: {bodyMax: ▸1GiB}`, [
    "bodyMax (1GiB) is larger than bufferedMax (512MiB): no such body could be held",
  ]);
  const both = "'listen' and 'operator' are both on port 9090";
  expectProblems(`${MODELS}\nserver: {listen: ▸0.0.0.0:9090}`, [both]);
  expectProblems(`${MODELS}\nserver: {listen: 127.0.0.1:9090, operator: ▸127.0.0.1:9090}`, [both]);
  expectWarnings(`${MODELS}\nserver: {listen: 127.0.0.1:0, operator: 127.0.0.1:0}`, []);
  expectWarnings(`${MODELS}\nserver: {listen: 0.0.0.0:9090, operator: false}`, []);
});

Deno.test("parseConfig() warns of an operator surface that nobody could enter", () => {
  expectWarnings(`${MODELS}\nserver: {operator: ▸0.0.0.0:9090}`, [
    "only /metrics, /livez and /readyz will be open on 0.0.0.0:9090: for the rest give a key 'operator: true'",
  ]);
  const keys = "keys: [{name: a, key: b, operator: true}]";
  expectWarnings(`${MODELS}\nserver: {operator: '[::]:9090', ${keys}}`, []);
});
