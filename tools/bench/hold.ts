/** Requests that wait together for one model that is an engine of ours, and what became of them. */
import type { GatewayProcess } from "../../src/testing/gateway_process.ts";
import { chatFile } from "./chat_body.ts";
import type { Peer } from "./peer.ts";

/** What `peer hold` tells; times in ms since 1970. */
export interface Outcome {
  /** How many by status; what broke is under its error. */
  readonly answers: Readonly<Record<string, number>>;
  readonly listenedMs: number;
  readonly lastArrivedMs: number;
  readonly lastAnsweredMs: number;
}

/** Its command: an engine that loads for so many ms, or until there is that file. */
export function engineWords({ program }: Peer, when: number | string): string[] {
  return [program, "engine", "${PORT}", `${when}`];
}

/** Model `m` as YAML. */
export function engineOf(peer: Peer, when: number | string, settings: string): string {
  const command = JSON.stringify(engineWords(peer, when));
  return `  m: { process: { command: ${command} }, ${settings} }\n`;
}

/** @throws unless each of `count` requests at once is answered 200 */
export async function hold(
  { dir, program }: Peer,
  { url }: GatewayProcess,
  count: number,
  bytes: number,
): Promise<Outcome> {
  const body = await chatFile(dir, "m", bytes);
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args: ["hold", `${url}/v1/chat/completions`, body, `${count}`],
    stdin: "null",
  }).output();
  const text = new TextDecoder().decode(success ? stdout : stderr);
  if (!success) throw new Error(`peer hold: ${text}`);
  const outcome: Outcome = JSON.parse(text.trim().split("\n").at(-1)!);
  if (outcome.answers[200] === count) return outcome;
  throw new Error(`Of ${count} held requests were answered ${JSON.stringify(outcome.answers)}`);
}
