/** Requests that wait together for one model that is an engine of ours, and what became of them. */
import type { GatewayProcess } from "../../src/testing/gateway_process.ts";
import type { PeerProgram } from "./peer_program.ts";

/** What `peer hold` tells; times in ms since 1970. */
export interface Outcome {
  /** How many by status; what broke is under its error. */
  readonly answers: Readonly<Record<string, number>>;
  readonly listenedMs: number;
  readonly lastArrivedMs: number;
  readonly lastAnsweredMs: number;
}

/** Model `m` as YAML: an engine that loads for so many ms, or until there is that file. */
export function engineOf({ path }: PeerProgram, when: number | string, settings: string): string {
  const command = JSON.stringify([path, "engine", "${PORT}", `${when}`]);
  return `  m: { process: { command: ${command} }, ${settings} }\n`;
}

/** @throws unless each of `count` requests at once is answered 200 */
export async function hold(
  peer: PeerProgram,
  { url }: GatewayProcess,
  count: number,
  bytes: number,
): Promise<Outcome> {
  const body = await peer.body("m", bytes);
  const outcome = await peer.run<Outcome>(["hold", `${url}/v1/chat/completions`, body, `${count}`]);
  if (outcome.answers[200] === count) return outcome;
  throw new Error(`Of ${count} held requests were answered ${JSON.stringify(outcome.answers)}`);
}
