/** `host:port` to listen on. */
import type { Address } from "./spec.ts";

export const ADDRESS_PATTERN = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})$/;

/** @throws Error that says what to write */
export function parseAddress(text: string): Address {
  const [, host, port] = ADDRESS_PATTERN.exec(text) ?? [];
  if (host === undefined || Number(port) > 65_535) {
    throw new Error(`'${text}' is not host:port: write e.g. 0.0.0.0:8080 or [::]:8080`);
  }
  return { hostname: host.replace(/^\[|\]$/g, ""), port: Number(port) };
}

export function formatAddress({ hostname, port }: Address): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

/** True for addresses that only programs on this machine can reach. */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "::1" || /^127(\.\d{1,3}){3}$/.test(hostname);
}
