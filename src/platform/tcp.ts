/** Bare TCP as a dependency: is anybody there, and which port is free. */
export interface Tcp {
  /**
   * Connects once and hangs up. `refused`: the other side said no, or cannot be reached; `silent`:
   * neither yes nor no within `timeoutMs`.
   */
  connect(hostname: string, port: number, timeoutMs: number): Promise<Reached>;
  /** A port of 127.0.0.1 that nobody listens on now, and that was not given before for long. */
  freePort(): number;
}

export type Reached = "accepted" | "refused" | "silent";

/**
 * Ports are taken from below the systems' ephemeral ranges, so that no outgoing connection takes one
 * while its engine still loads, and in turn, so that two engines that load at once never share one.
 */
const FIRST_PORT = 20_000;
const PORTS = 10_000;

let nextPort = Math.floor(Math.random() * PORTS);

export const systemTcp: Tcp = {
  async connect(hostname, port, timeoutMs) {
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(), timeoutMs);
    try {
      (await Deno.connect({ hostname, port, signal: controller.signal })).close();
      return "accepted";
    } catch (error) {
      if (error instanceof Deno.errors.NotCapable) throw error;
      return controller.signal.aborted ? "silent" : "refused";
    } finally {
      clearTimeout(timer);
    }
  },

  freePort() {
    for (let tries = 0; tries < PORTS; tries++) {
      const port = FIRST_PORT + nextPort;
      nextPort = (nextPort + 1) % PORTS;
      try {
        Deno.listen({ hostname: "127.0.0.1", port }).close();
        return port;
      } catch (error) {
        if (!(error instanceof Deno.errors.AddrInUse)) throw error;
      }
    }
    throw new Error(
      `Cannot find a free port: ${FIRST_PORT} to ${FIRST_PORT + PORTS - 1} are taken`,
    );
  },
};
