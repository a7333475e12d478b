/** One attempt to open a WebSocket to one endpoint, bounded until it is open. */
import { type ConnectWebSocket, isRefusal, type Socket } from "../platform/web_socket.ts";
import type { HeaderList } from "../platform/http_headers.ts";
import type { Frame } from "./session_frames.ts";
import { HeaderWatch, type Unanswered, type WatchOptions } from "./send.ts";

export interface OpenOptions extends WatchOptions {
  readonly connectWebSocket: ConnectWebSocket;
  readonly headers: HeaderList;
  /** Bytes of one message. */
  readonly messageMax: number;
  /**
   * Of the socket, once it is open; set from the beginning: an engine's first frame may come right behind its
   * handshake, before anybody who awaits that goes on.
   */
  onFrame(frame: Frame, from: Socket): void;
  onEnd(code: number, reason: string): void;
}

export type Opened = { readonly kind: "open"; readonly socket: Socket } | Unanswered;

/** @throws the signal's reason when the client has gone */
export async function openSocket(url: URL, options: OpenOptions): Promise<Opened> {
  const { connectWebSocket, headers, messageMax, cancellation, onFrame, onEnd } = options;
  // Giving up replaces the signal: this is the one of this attempt.
  const { signal } = cancellation;
  signal.throwIfAborted();
  using watch = new HeaderWatch(url.href, options);
  const socket = await connectWebSocket(url, { headers, messageMax });
  socket.onmessage = ({ data }) => onFrame(data as Frame, socket);
  const failure = await untilOpen(socket, signal, onEnd);
  if (cancellation.left) {
    socket.close();
    throw signal.reason;
  }
  if (failure === undefined) return { kind: "open", socket };
  if (watch.verdict) return watch.verdict;
  return { kind: isRefusal(failure) ? "refused" : "broken", reason: failure };
}

/** Undefined once it is open; else why it did not open. One that is given up is closed. */
async function untilOpen(
  socket: Socket,
  signal: AbortSignal,
  onEnd: OpenOptions["onEnd"],
): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const giveUp = () => {
    socket.close();
    resolve("it was given up");
  };
  if (signal.aborted) giveUp();
  signal.addEventListener("abort", giveUp, { once: true });
  socket.onerror = (event) => resolve(event.message || "it failed");
  socket.onclose = () => resolve("it was closed at once");
  socket.onopen = () => {
    socket.onerror = null;
    socket.onclose = ({ code, reason }) => onEnd(code, reason);
    resolve(undefined);
  };
  const failure = await promise;
  signal.removeEventListener("abort", giveUp);
  return failure;
}
