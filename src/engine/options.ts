/** What a stand-in engine can be told: how it answers, how long it loads, and how it fails. */

/** Read at every request, so that a test may change them while the engine runs. */
export interface Behaviour {
  /** Tokens of an answer; `max_tokens` of the request shortens it, `ignore_eos` lifts this limit. */
  tokens: number;
  /** Of each running request; `Infinity`: at once. */
  tokensPerSecond: number;
  /** The context length, prompt and answer together. */
  maxModelLen: number;
  /** Requests that run at the same time; more of them wait. */
  maxNumSeqs: number;
  /** Requests running and waiting; more are answered 503. */
  queueMax: number;
  /** `all`: connections are accepted and nothing is answered; `requests`: health and metrics are. */
  hang: "no" | "all" | "requests";
  /** After so many events of a stream the whole engine dies. */
  dieMidStream: number;
  /** After so many events of a stream its connection breaks; the engine goes on. */
  cutMidStream: number;
  /** In the middle of an answer that is no stream its connection breaks; the engine goes on. */
  cutMidAnswer: boolean;
}

export interface EngineOptions extends Behaviour {
  /** Served names; the first answers requests that name none. */
  models: readonly string[];
  hostname: string;
  port: number;
  coldStartMs: number;
  /** While it loads: listen and answer 503, as SGLang and llama.cpp do; vLLM refuses connections. */
  listenWhileLoading: boolean;
  /** Ends with this code instead of becoming ready; 0: it does not. */
  crashAtStart: number;
  /** Dies so long after it became ready. */
  crashAfterMs: number;
  /** How long running requests may go on after SIGTERM; 0 aborts them, which looks like success. */
  shutdownTimeoutMs: number;
  /** A SIGTERM while it loads changes nothing, as with vLLM. */
  swallowSigterm: boolean;
  /** `generate` or `pooling` offers only that half of the API, as vLLM does by the kind of model. */
  runner: "all" | "generate" | "pooling";
  /** Offers `/sleep`, `/wake_up` and `/is_sleeping`. */
  dev: boolean;
  /** Tells when a request arrives, and how it ends. */
  enableLogRequests: boolean;
  idleTimeoutMs: number;
}

export const ENGINE_DEFAULTS: EngineOptions = {
  tokens: 24,
  tokensPerSecond: 100,
  maxModelLen: 32_768,
  maxNumSeqs: 256,
  queueMax: Infinity,
  hang: "no",
  dieMidStream: Infinity,
  cutMidStream: Infinity,
  cutMidAnswer: false,
  models: ["stand-in"],
  hostname: "127.0.0.1",
  port: 8000,
  coldStartMs: 0,
  listenWhileLoading: false,
  crashAtStart: 0,
  crashAfterMs: Infinity,
  shutdownTimeoutMs: 0,
  swallowSigterm: true,
  runner: "all",
  dev: false,
  enableLogRequests: false,
  idleTimeoutMs: 5_000,
};
