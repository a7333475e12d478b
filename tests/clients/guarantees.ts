/**
 * The guarantees, each for every call that it can be had with: the situation, and what must come of
 * it. Nothing is said of retries, so every SDK retries as it does by default.
 */
import { expect } from "expect";
import { eventually } from "../../src/testing/eventually.ts";
import { type Call, CALLS } from "./calls.ts";
import { arrivedCount } from "./upstream_log.ts";
import { answered, begunEarly, broke, neverTwice, once, raised, served } from "./verdicts.ts";
import { type Made, NARROW_KEY, type Options, type World } from "./world.ts";

export interface Guarantee {
  /** Of the test, and of the row in the docs. */
  readonly name: string;
  /** What a reader may rely on. */
  readonly promise: string;
  /** The name that is sent. */
  readonly model: string;
  for(call: Call): boolean;
  readonly options?: Options;
  /** The model is up before the first call. */
  readonly isUp?: true;
  /** One call after the other: each needs the engine for itself. */
  readonly oneByOne?: true;
  /** Its clients wait before they try again: begun first, so that nobody waits for them. */
  readonly takesLong?: true;
  /** Something else happens while the calls wait. */
  meanwhile?(world: World): Promise<void>;
  judge(made: Made): void | Promise<void>;
  /** With LangChain's seven tries it takes over a minute. */
  readonly langchainIsSlow?: true;
  /** For `--slow` alone. */
  readonly isSlow?: true;
}

const all = () => true;
const asksModel = ({ kind }: Call) => kind !== "models";
const streams = ({ kind }: Call) => kind === "stream";
const wholes = (call: Call) => asksModel(call) && !streams(call);
const generates = ({ kind }: Call) => kind === "words";
/** The AI SDK has no timeout for a client. */
const hasTimeout = ({ client }: Call) => !client.startsWith("@ai-sdk/");
/** By `X-Stainless-Timeout`; LangChain knows only the client's timeout, which OpenAI's SDK keeps to itself. */
const tellsTimeout = ({ client }: Call) => client === "openai" || client === "@anthropic-ai/sdk";
const tellsNoTimeout = ({ client }: Call) => client === "openai" || client === "@langchain/openai";

/** A file that is behind many others in a real form. */
const FILE_BYTES = 25 * 1024 * 1024;

const CANNOT_WAKE = /Cannot wake model 'failing(-early)?': the process exited with code 3/;

export const GUARANTEES: readonly Guarantee[] = [
  {
    name: "warm",
    promise: "A model that is up answers, and generates each answer once.",
    ...{ model: "Qwen/warm", for: asksModel },
    judge(made) {
      answered(made);
      expect(once(made, 200).headers).not.toHaveProperty("x-cold-start-ms");
      served(made, "answered");
    },
  },
  {
    name: "asked about a sleeping model",
    promise: "The gateway answers for it, also with a `/` in its name, and wakes nothing.",
    ...{ model: "Qwen/asleep", for: (call) => !asksModel(call) },
    judge(made) {
      answered(made);
      once(made, 200);
      expect(made.world.pidsOf("Qwen/asleep")).toEqual([]);
    },
  },
  {
    name: "cold",
    promise:
      "A request for a sleeping model is held while it wakes, and answered as if it had been up; " +
      "a form may name its model behind a file of 25 MB. However many wait, there is one wake.",
    ...{ model: "cold", for: asksModel, options: { fileBytes: FILE_BYTES } },
    judge(made) {
      answered(made);
      const { headers } = once(made, 200);
      // Less than the wake: a large file comes while it is under way.
      expect(Number(headers?.["x-cold-start-ms"])).toBeGreaterThan(0);
      served(made, "answered");
      expect(made.world.pidsOf("cold")).toHaveLength(1);
    },
  },
  {
    name: "cold, answer begun early",
    promise: "A stream that waits gets its 200 and comments, of which its program sees nothing.",
    ...{ model: "early", for: streams },
    judge(made) {
      answered(made);
      begunEarly(once(made, 200));
      served(made, "answered");
    },
  },
  {
    name: "wake fails",
    promise: "The SDK raises its error for a 503, with the reason, and code `model_unavailable` " +
      "where its API has codes. OpenAI's and Anthropic's SDKs do not try again.",
    ...{ model: "failing", for: asksModel, langchainIsSlow: true, takesLong: true },
    judge(made) {
      raised(made, CANNOT_WAKE, 503);
      const { client } = made.call;
      const { attempts } = made.outcome;
      const code = client === "@anthropic-ai/sdk" ? "overloaded_error" : "model_unavailable";
      for (const { answer } of attempts) expect(answer).toContain(`"${code}"`);
      if (client === "openai" || client === "@anthropic-ai/sdk") once(made, 503);
      served(made);
    },
  },
  {
    name: "wake fails, answer begun early",
    promise: "The SDK raises an error with the reason, although the stream began with a 200.",
    ...{ model: "failing-early", for: streams, takesLong: true },
    judge(made) {
      begunEarly(made.outcome.attempts[0]!);
      raised(made, CANNOT_WAKE);
      served(made);
    },
  },
  {
    name: "upstream refuses",
    promise: "The engine's own error comes byte for byte, and raises the SDK's class for it.",
    ...{ model: "lora-gone", for: asksModel },
    async judge(made) {
      raised(made, /The model `lora-gone` does not exist/, 404);
      served(made, "answered");
      const { path, body, answer } = once(made, 404);
      // What a form was is not known here; its answer is that of any other request.
      const isForm = body === "[object FormData]";
      const own = await fetch(
        made.world.engineUrl(made.model) + (isForm ? "/v1/chat/completions" : path),
        {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: isForm ? JSON.stringify({ model: "lora-gone", messages: [] }) : body,
        },
      );
      expect(answer).toBe(await own.text());
    },
  },
  {
    name: "upstream refuses, answer begun early",
    promise: "The engine's own words raise the SDK's error within the stream.",
    ...{ model: "lora-missing", for: streams },
    judge(made) {
      begunEarly(made.outcome.attempts[0]!);
      raised(made, /The model `lora-missing` does not exist/);
      neverTwice(made);
    },
  },
  {
    name: "unknown model",
    promise: "A 404 in the API's own form, which says where the models are.",
    ...{ model: "nobody", for: ({ name }) => name !== "models.list" },
    judge(made) {
      raised(made, /nobody/, 404);
      if (made.call.client !== "@anthropic-ai/sdk") {
        expect(once(made, 404).answer).toContain('"model_not_found"');
      }
    },
  },
  {
    name: "wrong key",
    promise: "A 401 in the API's own form; nothing is asked of a model.",
    ...{ model: "Qwen/asleep", for: all, options: { apiKey: "wrong" } },
    judge(made) {
      once(made, 401);
      raised(made, /./, 401);
      served(made);
    },
  },
  {
    name: "key for another model",
    promise: "A 403 in the API's own form; nothing is asked of the model.",
    ...{ model: "Qwen/warm", for: asksModel, options: { apiKey: NARROW_KEY } },
    judge(made) {
      once(made, 403);
      raised(made, /Qwen\/warm/, 403);
      served(made);
    },
  },
  {
    name: "stream breaks",
    promise: "The SDK raises; half an answer is never taken for a whole one.",
    ...{ model: "cut", for: streams },
    judge(made) {
      broke(made);
      served(made, "cut");
    },
  },
  {
    name: "stream breaks, answer begun early",
    promise: "The SDK raises what the gateway says within the stream.",
    ...{ model: "cut-early", for: streams },
    judge(made) {
      begunEarly(made.outcome.attempts[0]!);
      raised(made, /broke the connection in the middle of its answer/);
      served(made, "cut");
    },
  },
  {
    name: "engine dies in a stream",
    promise: "The SDK raises, as soon as the engine is gone.",
    ...{ model: "dying", for: streams, oneByOne: true },
    judge(made) {
      broke(made);
      expect(made.served.ends).toHaveLength(1);
      expect(["cut", "died"]).toContain(made.served.ends[0]);
    },
  },
  {
    name: "answer breaks",
    promise: "The SDK raises when an answer that is no stream ends before its end.",
    ...{ model: "cut", for: wholes, langchainIsSlow: true },
    judge(made) {
      broke(made);
      expect(new Set(made.served.ends)).toEqual(new Set(["cut"]));
      neverTwice(made);
    },
  },
  {
    name: "engine killed before it answered",
    promise: "The SDK's own retry wakes the model again and is answered. Of one client's tries " +
      "never two run at a time, and one is answered.",
    ...{ model: "killed", for: generates },
    async meanwhile(world) {
      const waiting = CALLS.filter(generates).length;
      await eventually(() => arrivedCount(world.gateway.lines, "killed") === waiting);
      Deno.kill(world.pidsOf("killed")[0]!, "SIGKILL");
    },
    judge(made) {
      answered(made);
      served(made, "died", "answered");
    },
  },
  {
    name: "client gives up",
    promise: "A client whose timeout is shorter than its answer asks again; each time the engine " +
      "stops before it is asked again.",
    ...{ model: "slow", isUp: true, for: (call) => generates(call) && hasTimeout(call) },
    ...{ options: { timeout: 1_000 }, langchainIsSlow: true },
    judge(made) {
      broke(made);
      expect(new Set(made.served.ends)).toEqual(new Set(["left"]));
      neverTwice(made);
    },
  },
  {
    name: "client gives up while it waits",
    promise: "A client that left is never sent upstream, the wake goes on, and its next try is " +
      "answered, once.",
    ...{ model: "awaited", for: (call) => generates(call) && tellsNoTimeout(call) },
    options: { timeout: 2_000 },
    judge(made) {
      answered(made);
      expect(made.outcome.attempts.length).toBeGreaterThan(1);
      served(made, "answered");
    },
  },
  {
    name: "wake is longer than the timeout that the client tells of",
    promise: "The gateway answers 503 with `Retry-After` before the client would give up; when " +
      "it asks again the model is up, and the answer is generated once.",
    ...{ model: "hinted", for: (call) => wholes(call) && tellsTimeout(call) },
    ...{ options: { requestTimeout: 3_000 }, takesLong: true },
    judge(made) {
      answered(made);
      const [first, ...others] = made.outcome.attempts;
      expect(first).toMatchObject({ status: 503, headers: { "retry-after": "15" } });
      expect(others.map(({ status }) => status)).toEqual([200]);
      served(made, "answered");
    },
  },
  {
    name: "a wake of 75 s",
    promise: "At the gateway's default settings, with the SDK's default timeout.",
    ...{ model: "long", for: asksModel, isSlow: true, takesLong: true },
    judge(made) {
      answered(made);
      const attempt = once(made, 200);
      if (streams(made.call)) begunEarly(attempt);
      served(made, "answered");
    },
  },
];
