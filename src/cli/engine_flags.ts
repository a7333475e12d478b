/** The flags of `engine`, apart from it: who only wants to know what there is need not load it. */
import { ENGINE_DEFAULTS as defaults } from "../engine/options.ts";

/** The command line, as commander takes it; a flag's value arrives under its name in camel case. */
export const ENGINE_FLAGS: ReadonlyArray<readonly [flag: string, help: string]> = [
  ["--port <port>", `where to listen; default $PORT, else ${defaults.port}`],
  ["--host <address>", `default ${defaults.hostname}`],
  ["--model <name...>", `a served name, may be repeated; default ${defaults.models}`],
  ["--cold-start <duration>", "how long it loads; connections are refused meanwhile"],
  ["--listen-while-loading", "answer 503 while it loads instead of refusing"],
  ["--tokens <n>", `tokens of an answer, at most max_tokens; default ${defaults.tokens}`],
  ["--tokens-per-second <n>", `of each request; default ${defaults.tokensPerSecond}`],
  ["--max-model-len <n>", `context length; default ${defaults.maxModelLen}`],
  [
    "--max-num-seqs <n>",
    `requests that run at once, more of them wait; default ${defaults.maxNumSeqs}`,
  ],
  ["--queue-max <n>", "requests running and waiting, more are answered 503; default no limit"],
  ["--runner <kind>", "generate or pooling: only that half of the API; default both"],
  ["--dev", "offer /sleep, /wake_up and /is_sleeping"],
  [
    "--shutdown-timeout <duration>",
    "after SIGTERM running requests may finish; default 0s: aborted",
  ],
  ["--no-swallow-sigterm", "exit at SIGTERM while it loads; vLLM loads on and serves"],
  ["--crash-at-start [code]", "end with this code (1) when loaded"],
  ["--crash-after-ms <n>", "crash so long after it became ready"],
  ["--die-mid-stream <n>", "crash after n events of a stream"],
  ["--cut-mid-stream <n>", "break the connection after n events of a stream"],
  ["--cut-mid-answer", "break the connection in the middle of what is no stream"],
  ["--enable-log-requests", "a line when a request arrives, and one when it ends"],
  [
    "--hang [what]",
    "accept and never answer: all (default), or only requests, not /health and /metrics",
  ],
];

export type EngineFlags = Readonly<
  Record<string, string | boolean | readonly string[] | undefined>
>;
