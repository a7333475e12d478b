/**
 * The platform's floor, `bare_proxy.ts PORT UPSTREAM MODE`: a proxy of a few lines that passes a request on once it has
 * found its `model`: `parse` parses the whole body for it, `scan` only searches its first bytes.
 */
const [port, upstream, mode] = Deno.args;
const SCANNED_BYTES = 512;
const client = Deno.createHttpClient({ http2: false, poolMaxIdlePerHost: 1024 });

const FIND: Record<string, (body: Uint8Array) => unknown> = {
  parse: (body) => JSON.parse(new TextDecoder().decode(body)).model,
  // One that is further behind is not found, which costs as much.
  scan: (body) =>
    /"model"\s*:\s*"([^"]+)"/
      .exec(new TextDecoder().decode(body.subarray(0, SCANNED_BYTES)))?.[1] ?? "",
};
const find = FIND[mode!]!;

Deno.serve({ hostname: "127.0.0.1", port: Number(port), onListen() {} }, async (request) => {
  const body = await request.bytes();
  if (typeof find(body) !== "string") return new Response(null, { status: 400 });
  const url = new URL(request.url);
  const headers = new Headers(request.headers);
  headers.delete("host");
  headers.set("accept-encoding", "identity");
  const { status, headers: answered, body: answer } = await fetch(
    upstream + url.pathname + url.search,
    { method: "POST", headers, body, client },
  );
  return new Response(answer, { status, headers: answered });
});
