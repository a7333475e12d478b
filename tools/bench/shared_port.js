/**
 * Loaded before the gateway: whatever listens does so with SO_REUSEPORT, so that several processes can have one port and
 * the operating system gives each new connection to one of them. `Deno.listen` and `Deno.serve` (2.9.6) want
 * `--unstable-net` for it, `node:net` and `node:http` do not.
 */
import { Server } from "node:net";

const { listen } = Server.prototype;
Server.prototype.listen = function (port, host, ...rest) {
  return typeof port === "number"
    ? listen.call(this, { port, host, reusePort: true }, ...rest)
    : listen.call(this, port, host, ...rest);
};

const denoListen = Deno.listen;
Deno.listen = (options) => denoListen({ ...options, reusePort: true });
