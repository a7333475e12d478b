/**
 * Where a process listens: `${PORT}` stands for its port in the command, in `env` and in `upstream`. A
 * fixed `upstream` fixes the port; else every start gets a free one. No variable `PORT` is set unless
 * `env` says so: what the gateway was given under that name is its own.
 */
import type { ProcessSpec } from "../../config/spec.ts";
import type { Tcp } from "../../platform/tcp.ts";

export interface Place {
  readonly port: number;
  /** The base URL that takes requests. */
  readonly endpoint: string;
  /** Where somebody else may listen already; undefined for a port that was just found free. */
  readonly fixed: { readonly hostname: string } | undefined;
}

const PLACEHOLDER = "${PORT}";

/** `upstream` is the model's, undefined for the process' port on loopback. */
export function placeOf(upstream: string | undefined, tcp: Tcp): Place {
  const base = upstream ?? `http://127.0.0.1:${PLACEHOLDER}`;
  if (base.includes(PLACEHOLDER)) {
    const port = tcp.freePort();
    return { port, endpoint: withPort(base, port), fixed: undefined };
  }
  const { protocol, hostname, port } = new URL(base);
  return {
    port: Number(port || (protocol === "https:" ? 443 : 80)),
    endpoint: base,
    // A URL brackets an IPv6 address, a socket does not.
    fixed: { hostname: hostname.replace(/^\[|\]$/g, "") },
  };
}

/** What to run, with the port in its place. */
export function commandFor(process: ProcessSpec, port: number) {
  const env = Object.entries(process.env).map(([name, value]) => [name, withPort(value, port)]);
  return {
    command: process.command.map((word) => withPort(word, port)),
    env: Object.fromEntries(env) as Record<string, string>,
  };
}

function withPort(text: string, port: number): string {
  return text.replaceAll(PLACEHOLDER, String(port));
}
