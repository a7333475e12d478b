/** The endpoints of one model and how many requests each has; the least busy takes the next. */

export interface Endpoint {
  readonly url: string;
  inFlight: number;
}

export class Endpoints {
  #endpoints: readonly Endpoint[] = [];

  /** Takes over a new list; endpoints that stay keep their count. */
  replace(urls: readonly string[]): void {
    const known = new Map(this.#endpoints.map((endpoint) => [endpoint.url, endpoint]));
    this.#endpoints = urls.map((url) => known.get(url) ?? { url, inFlight: 0 });
  }

  /** The endpoint with the fewest requests in flight, the first of equals; it counts one more. */
  take(): Endpoint {
    let least = this.#endpoints[0];
    if (!least) throw new Error("Cannot take an endpoint: an open gate has none");
    for (const endpoint of this.#endpoints) {
      if (endpoint.inFlight < least.inFlight) least = endpoint;
    }
    least.inFlight++;
    return least;
  }
}
