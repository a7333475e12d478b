/** An engine inside the test, for a pod that forwards to it: what it says about itself is the test's to choose. */

export class StandInPod implements AsyncDisposable {
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  healthy = true;
  /** Requests that it says it runs. */
  running = 0;
  /** Whether its counters move from one scrape to the next. */
  moves = false;
  scrapes = 0;
  probes = 0;
  #served = 0;
  readonly #end = new AbortController();

  constructor() {
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {}, signal: this.#end.signal },
      async (request) => {
        await request.text();
        return this.#answer(new URL(request.url).pathname);
      },
    );
  }

  get address(): string {
    return `127.0.0.1:${this.#server.addr.port}`;
  }

  #answer(path: string): Response {
    switch (path) {
      case "/ready":
        return new Response("ready");
      case "/health":
        this.probes++;
        return new Response(null, { status: this.healthy ? 200 : 503 });
      case "/metrics":
        this.scrapes++;
        if (this.moves) this.#served++;
        return new Response(
          `vllm:num_requests_running{model_name="m"} ${this.running}.0\n` +
            `vllm:num_requests_waiting{model_name="m"} 0.0\n` +
            `vllm:generation_tokens_total{model_name="m"} ${this.#served}.0\n`,
        );
      default:
        return Response.json({ choices: [] });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    await this.#server.finished;
  }
}
