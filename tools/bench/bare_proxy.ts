/** The platform's floor: a proxy of a few lines that parses the body for `model` and passes the rest on. */
const [port, upstream] = Deno.args;
const client = Deno.createHttpClient({ http2: false, poolMaxIdlePerHost: 1024 });
Deno.serve({ hostname: "127.0.0.1", port: Number(port), onListen() {} }, async (request) => {
  const body = await request.bytes();
  const { model } = JSON.parse(new TextDecoder().decode(body));
  if (typeof model !== "string") return new Response(null, { status: 400 });
  const url = new URL(request.url);
  const headers = new Headers(request.headers);
  headers.delete("host");
  headers.set("accept-encoding", "identity");
  const { status, headers: answered, body: answer } = await fetch(
    upstream + url.pathname,
    { method: "POST", headers, body, client },
  );
  return new Response(answer, { status, headers: answered });
});
