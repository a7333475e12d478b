/** What was found when a config was held against the world, before any request came. */
export interface Finding {
  /** `error`: it will not work; `warn`: it will, until something else happens. */
  readonly level: "ok" | "warn" | "error";
  /** A model's name, or `cluster`. */
  readonly about: string;
  readonly text: string;
  /** What to do about it. */
  readonly remedy?: string;
}
