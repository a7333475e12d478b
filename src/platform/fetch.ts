/** HTTP requests as a dependency, and the one pool of upstream connections. */
export type Fetch = (url: string | URL, init?: RequestInit) => Promise<Response>;
export type CreateFetch = (options?: { readonly caCerts?: string[] }) => Fetch;

/**
 * How long an unused upstream connection is kept. uvicorn closes its side after 5 s, so a shorter
 * life here means that a pooled connection is seldom found dead.
 */
export const POOL_IDLE_TIMEOUT_MS = 4_000;

/** A `fetch` with a pool of its own, HTTP/1.1 only; `caCerts` are PEM texts trusted beside the system's. */
export const createFetch: CreateFetch = (options = {}) => {
  const client = Deno.createHttpClient({
    ...(options.caCerts ? { caCerts: options.caCerts } : {}),
    poolIdleTimeout: POOL_IDLE_TIMEOUT_MS,
    poolMaxIdlePerHost: 1024,
    http2: false,
    allowHost: true,
  });
  return (url, init) => fetch(url, { ...init, client } as RequestInit);
};
