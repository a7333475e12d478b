/** HTTP requests as a dependency, and the one pool of upstream connections. */
export type Fetch = (url: string | URL, init?: RequestInit) => Promise<Response>;

export interface FetchOptions {
  /** PEM texts, trusted beside the system's. */
  readonly caCerts?: string[];
  /** A client certificate and its key, PEM. */
  readonly cert?: string;
  readonly key?: string;
  /** Everything goes through this proxy, `http://`, `https://` or `socks5://`. */
  readonly proxyUrl?: string;
}
export type CreateFetch = (options?: FetchOptions) => Fetch;

/**
 * How long an unused upstream connection is kept. uvicorn closes its side after 5 s, so a shorter
 * life here means that a pooled connection is seldom found dead.
 */
export const POOL_IDLE_TIMEOUT_MS = 4_000;

/** A `fetch` with a pool of its own, HTTP/1.1 only. */
export const createFetch: CreateFetch = ({ proxyUrl, ...options } = {}) => {
  const client = Deno.createHttpClient({
    ...options,
    ...(proxyUrl === undefined ? {} : { proxy: { url: proxyUrl } }),
    poolIdleTimeout: POOL_IDLE_TIMEOUT_MS,
    poolMaxIdlePerHost: 1024,
    http2: false,
    allowHost: true,
  });
  return (url, init) => fetch(url, { ...init, client } as RequestInit);
};
