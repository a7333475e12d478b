/**
 * The smallest engine for tests: `engine.ts PORT [WORD...]`, where the words say what is odd about it.
 *
 *     loading=N   the first N health requests get 503
 *     never       never listens
 *     deaf        ignores SIGTERM
 *     crash=TEXT  writes TEXT and exits with 1
 *     child       has a child of its own and prints its pid
 *
 * `GET /exit` ends it with code 7, `GET /env` tells its `TEST_VALUE` and folder.
 */
const [port, ...words] = Deno.args;
const odd = new Map(words.map((word): [string, string] => {
  const [key, value = ""] = word.split("=", 2);
  return [key!, value];
}));

if (odd.has("deaf")) Deno.addSignalListener("SIGTERM", () => {});
if (odd.has("crash")) {
  console.error(odd.get("crash"));
  Deno.exit(1);
}
if (odd.has("child")) {
  const child = new Deno.Command("sleep", { args: ["1000"] }).spawn();
  console.log(`child ${child.pid}`);
}

let loading = Number(odd.get("loading") ?? 0);
const pages: Record<string, () => Response> = {
  "/health": () => new Response(null, { status: loading-- > 0 ? 503 : 200 }),
  "/metrics": () => new Response("vllm:num_requests_running 2\nvllm:prompt_tokens_total 5\n"),
  "/env": () => Response.json({ value: Deno.env.get("TEST_VALUE"), cwd: Deno.cwd() }),
  "/exit": () => Deno.exit(7),
};

console.log("loading");
if (odd.has("never")) {
  setInterval(() => {}, 1_000_000);
} else {
  Deno.serve(
    { hostname: "127.0.0.1", port: Number(port) },
    ({ url }) => pages[new URL(url).pathname]?.() ?? new Response(null, { status: 404 }),
  );
}
