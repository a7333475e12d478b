/**
 * The SDKs from npm with the gateway and a real vLLM behind it; a part of `deno task test:vllm` (see `vllm.ts`). The
 * model must be one to chat with; what it says does not matter. Needs what `deno task test:clients` installs.
 */
import { expect } from "expect";
import { eventually } from "../src/testing/eventually.ts";
import { GatewayProcess } from "../src/testing/gateway_process.ts";
import { type Call, CALLS } from "./clients/calls.ts";
import { NODE, type Outcome, SdkDriver } from "./clients/sdk_driver.ts";
import { START_MAX_MS, VLLM, vllmModel } from "./vllm_model.ts";

/** What a chat model cannot do: vectors, and hearing. */
const calls = CALLS.filter(({ kind, name }) => kind !== "vector" && name !== "transcription");
const generating = calls.filter(({ kind }) => kind === "words" || kind === "stream");

function callAll(
  gateway: GatewayProcess,
  sdks: SdkDriver,
  of: readonly Call[],
  options: { readonly maxRetries?: number; readonly timeout?: number } = {},
): Promise<(readonly [call: string, outcome: Outcome])[]> {
  return Promise.all(of.map(async ({ client, name }) =>
    [
      `${client}: ${name}`,
      await sdks.call(client, name, {
        ...{ baseURL: `${gateway.url}/v1`, apiKey: "any", model: VLLM, headers: {}, fileBytes: 0 },
        ...options,
      }),
    ] as const
  ));
}

/** How many requests the vLLM runs. */
async function running(gateway: GatewayProcess): Promise<number> {
  const text = await (await fetch(`${gateway.engineUrl(VLLM)}/metrics`)).text();
  const samples = text.split("\n")
    .filter((line) => line.startsWith("vllm:num_requests_running{"));
  return samples.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
}

Deno.test("each client is answered by a real vLLM: all at once while it sleeps, again when it is up", async (t) => {
  await using gateway = await GatewayProcess.start(
    vllmModel("    earlyHeadersAfter: 3s\n    keepAliveInterval: 2s\n"),
  );
  await using sdks = new SdkDriver(NODE);
  for (const when of ["cold", "warm"]) {
    for (const [call, { text, error, attempts }] of await callAll(gateway, sdks, calls)) {
      await t.step(`${call}, ${when}`, () => {
        expect(error).toBe(undefined);
        expect(text).not.toBe("");
        expect(attempts.map(({ status }) => status)).toEqual([200]);
      });
    }
    expect(gateway.enginePids()).toHaveLength(1);
  }

  await t.step("its own errors come as they are", async () => {
    for (const body of ['{"model":"' + VLLM + '"}', '{"model":"' + VLLM + '","messages":1}']) {
      const ask = async (url: string) => {
        const headers = { "content-type": "application/json" };
        const init = { method: "POST", headers, body };
        const response = await fetch(`${url}/v1/chat/completions`, init);
        return [response.status, await response.text()];
      };
      expect(await ask(gateway.url)).toEqual(await ask(gateway.engineUrl(VLLM)));
    }
  });

  await t.step(
    "who gives up is generated for no more, whether or not it asked for a stream",
    async () => {
      for (const stream of [false, true]) {
        const leaving = new AbortController();
        const messages = [{ role: "user", content: "Tell me all. ".repeat(100) }];
        const answer = gateway.chat(VLLM, { stream, messages, ignore_eos: true, n: 8 }, {
          signal: leaving.signal,
        }).then((response) => response.text());
        answer.catch(() => {});
        await eventually(async () => await running(gateway) > 0, START_MAX_MS);
        leaving.abort();
        await expect(answer).rejects.toThrow();
        await eventually(async () => await running(gateway) === 0, START_MAX_MS);
      }
    },
  );

  await t.step("each client raises when it is killed in the middle", async () => {
    const made = callAll(gateway, sdks, generating, { maxRetries: 0 });
    await eventually(async () => await running(gateway) > 0, START_MAX_MS);
    Deno.kill(gateway.enginePids().at(-1)!, "SIGKILL");
    const outcomes = await made;
    // Who was answered before that has no reason to complain.
    const raised = outcomes.filter(([, { error }]) => error !== undefined);
    console.log(`    ${raised.length} of ${outcomes.length} calls were cut`);
    expect(raised.length).toBeGreaterThan(0);
    for (const [call, { text, error }] of outcomes) {
      expect([call, text === undefined]).toEqual([call, error !== undefined]);
    }
  });
});
