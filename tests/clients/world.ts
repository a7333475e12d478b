/** One gateway with a sleeping engine for each situation, and the SDKs in front of it. */
import { eventually } from "../../src/testing/eventually.ts";
import { engineModel, GatewayProcess } from "../../src/testing/gateway_process.ts";
import { word } from "../../src/engine/words.ts";
import type { Call } from "./calls.ts";
import { type Asked, type DriverCommand, type Outcome, SdkDriver } from "./sdk_driver.ts";
import { type Served, servedOf } from "./upstream_log.ts";

const TOKENS = 8;

/** A file of 25 MB is a long prompt. */
const FLAGS = `--enable-log-requests --max-model-len 100000 --tokens ${TOKENS}`;

/** Every generated answer; its last token has no text. */
export const WORDS = Array.from({ length: TOKENS - 1 }, (_, i) => word(i)).join("");

export const KEY = "key-of-the-tests";
export const NARROW_KEY = "key-for-one-model";

const EARLY = "earlyHeadersAfter: 200ms\nkeepAliveInterval: 100ms";

/** By name: how its engine behaves, and the model's settings. */
const MODELS: Readonly<Record<string, readonly [flags: string, settings?: string]>> = {
  "Qwen/warm": ["", "adapters: [lora-gone]"],
  "Qwen/asleep": [""],
  "cold": ["--cold-start 2s"],
  "early": ["--cold-start 1s", EARLY],
  "refusing": ["--cold-start 1s", `${EARLY}\nadapters: [lora-missing]`],
  "failing": ["--cold-start 300ms --crash-at-start 3"],
  "failing-early": ["--cold-start 1s --crash-at-start 3", EARLY],
  "cut": ["--cut-mid-stream 5 --cut-mid-answer"],
  "cut-early": ["--cold-start 1s --cut-mid-stream 5", EARLY],
  "dying": ["--die-mid-stream 5"],
  "killed": ["--tokens-per-second 4"],
  "slow": ["--tokens-per-second 2"],
  "hinted": ["--cold-start 2s"],
  "awaited": ["--cold-start 3s"],
  "long": ["--cold-start 75s"],
};

/** One call, made. */
export interface Made {
  readonly call: Call;
  readonly outcome: Outcome;
  readonly served: Served;
  readonly model: string;
  readonly world: World;
}

/** What the SDK is given beyond the address: defaults where nothing is said. */
export type Options = Partial<
  Pick<Asked, "apiKey" | "timeout" | "requestTimeout" | "maxRetries" | "fileBytes">
>;

export class World implements AsyncDisposable {
  #requests = 0;

  private constructor(
    readonly gateway: GatewayProcess,
    readonly sdks: SdkDriver,
    /** The numbers that the input has, as the engine itself says. */
    readonly vector: string,
  ) {}

  static async start(driver: DriverCommand): Promise<World> {
    const models = Object.entries(MODELS).map(([name, [flags, settings]]) =>
      engineModel(name, `${FLAGS} ${flags}`, settings)
    );
    const gateway = await GatewayProcess.start(models.join(""), {
      server: `keys: [{ name: tests, key: ${KEY} }, ` +
        `{ name: narrow, key: ${NARROW_KEY}, models: [Qwen/asleep] }]`,
    });
    await wake(gateway, "Qwen/warm");
    const vector = await embed(gateway.engineUrl("Qwen/warm"), "Qwen/warm");
    return new World(gateway, new SdkDriver(driver), await vectorIn(vector));
  }

  /** Resolves when `model` is up. */
  async wake(model: string): Promise<void> {
    await wake(this.gateway, model);
  }

  /** Makes one call, with a request id of its own. */
  async make(call: Call, model: string, options: Options = {}): Promise<Made> {
    const id = `check-${this.#requests++}`;
    const outcome = await this.sdks.call(call.client, call.name, {
      ...{ baseURL: `${this.gateway.url}/v1`, apiKey: KEY, fileBytes: 100_000, model },
      headers: { "x-request-id": id },
      ...options,
    });
    // An adapter's requests are the model's.
    const owner = MODEL_OF[model] ?? model;
    const served = () => servedOf(this.gateway.lines, owner, id);
    await eventually(() => !served().ends.includes("open"));
    return { call, outcome, served: served(), model: owner, world: this };
  }

  /** Where the engine of `model` runs now. */
  engineUrl(model: string): string {
    return this.gateway.engineUrl(model);
  }

  /** The processes that were started for `model`. */
  pidsOf(model: string): number[] {
    return this.gateway.lines
      .filter(({ msg, model: of }) => msg === "process started" && of === model)
      .map(({ pid }) => Number(pid));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.sdks[Symbol.asyncDispose]();
    await this.gateway[Symbol.asyncDispose]();
  }
}

const MODEL_OF: Readonly<Record<string, string>> = {
  "lora-gone": "Qwen/warm",
  "lora-missing": "refusing",
};

async function wake(gateway: GatewayProcess, model: string): Promise<void> {
  const response = await embed(gateway.url, model);
  if (!response.ok) throw new Error(`Cannot wake ${model}: ${await response.text()}`);
  await response.body?.cancel();
}

/** What every client's `vector` call asks, of the gateway or of an engine itself. */
function embed(base: string, model: string): Promise<Response> {
  return fetch(`${base}/v1/embeddings`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${KEY}` },
    body: JSON.stringify({ model, input: "Hello" }),
  });
}

async function vectorIn(response: Response): Promise<string> {
  const { data } = await response.json();
  return data[0].embedding.join();
}
