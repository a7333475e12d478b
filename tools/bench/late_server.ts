/**
 * An upstream for the benchmark: listens after `--after` ms and says, in each answer, when it began to
 * listen and when the request had come (ms since the epoch). Its answer is as small as can be.
 */
const [port, afterMs] = Deno.args.map(Number);
if (afterMs) await new Promise((resolve) => setTimeout(resolve, afterMs));
const listenedMs = epochMs();
Deno.serve({ hostname: "127.0.0.1", port: port!, onListen() {} }, async (request) => {
  const arrivedMs = epochMs();
  const { pathname } = new URL(request.url);
  if (pathname === "/health") return new Response(null);
  if (pathname === "/metrics") return new Response("", { status: 404 });
  await request.body?.cancel();
  return Response.json({ listenedMs, arrivedMs });
});

function epochMs(): number {
  return performance.timeOrigin + performance.now();
}
