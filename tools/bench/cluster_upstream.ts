/** All pods of the benchmark of a cluster are one server, which knows when a request is there. */
import { epochMs } from "../../src/testing/recording_proxy.ts";

export class ClusterUpstream implements AsyncDisposable {
  arrivedMs = 0;
  #server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    if (request.method === "GET") {
      return new Response(null, { status: request.url.endsWith("/health") ? 200 : 404 });
    }
    this.arrivedMs = epochMs();
    await request.body?.cancel();
    return Response.json({});
  });

  /** Annotations of a pod that is it, so many ms after it was made. */
  pod(afterMs = 200): Record<string, string> {
    const to = `127.0.0.1:${this.#server.addr.port}`;
    return { "bed/forward": to, "bed/start": `${afterMs}ms` };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#server.shutdown();
  }
}
