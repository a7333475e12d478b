/**
 * A key from the configuration, a file or the environment. Files are read again when they are used and
 * were not read for a while, so that a rotated key is taken over without a restart.
 */
import type { Clock } from "../platform/clock.ts";
import type { Files } from "../platform/files.ts";
import type { Log } from "../telemetry/log.ts";

/** Nothing is read more often than this. */
const FRESH_MS = 2_000;

export interface SecretSource {
  readonly text?: string | undefined;
  readonly file?: string | undefined;
  readonly env?: string | undefined;
}

export interface SecretTools {
  readonly clock: Clock;
  readonly log: Log;
  readonly files: Pick<Files, "readText">;
  env(name: string): string | undefined;
}

export class Secret {
  #value: string | undefined;
  #readMs = -Infinity;
  #reading: Promise<void> | undefined;
  #failed = false;

  constructor(readonly source: SecretSource, readonly tools: SecretTools) {
    const { text, env } = source;
    this.#value = text ?? (env === undefined ? undefined : tools.env(env));
  }

  /** As last read, without waiting; a file that was not read for a while is read meanwhile. */
  get current(): string | undefined {
    void this.refresh();
    return this.#value;
  }

  /** Resolves when the value is no older than {@link FRESH_MS}; never rejects. */
  refresh(): Promise<void> {
    const { file } = this.source;
    const isFresh = this.tools.clock.nowMs() - this.#readMs < FRESH_MS;
    if (file === undefined || isFresh) return this.#reading ?? Promise.resolve();
    this.#readMs = this.tools.clock.nowMs();
    return this.#reading = this.#read(file).finally(() => this.#reading = undefined);
  }

  /** A file that cannot be read leaves the value as it was, and says so once. */
  async #read(file: string): Promise<void> {
    try {
      this.#value = (await this.tools.files.readText(file)).trim() || undefined;
      this.#failed = false;
    } catch (error) {
      if (!this.#failed) {
        const reason = error instanceof Error ? error.message : String(error);
        this.tools.log.warn("cannot read a key file", { file, reason });
      }
      this.#failed = true;
    }
  }
}
