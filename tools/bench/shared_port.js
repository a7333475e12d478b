/**
 * Loaded before the gateway: it listens with SO_REUSEPORT, so that several processes can have one port and the operating
 * system gives each new connection to one of them. Deno (2.9.6) wants `--unstable-net` for it.
 */
const { listen } = Deno;
Deno.listen = (options) => listen({ ...options, reusePort: true });
