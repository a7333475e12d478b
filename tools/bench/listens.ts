/** Whether a program that was started is there already. */
import { systemTcp } from "../../src/platform/tcp.ts";

/** True if somebody takes connections at `port` of this machine. */
export async function listens(port: number): Promise<boolean> {
  return await systemTcp.connect("127.0.0.1", port, 1_000) === "accepted";
}
