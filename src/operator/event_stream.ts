/**
 * `/api/events`: all models as they are, then every change of state, every wake that has ended, and each model that
 * differs from what was sent of it, as server-sent events.
 */
import type { Clock } from "../platform/clock.ts";
import type { Journal } from "./journal.ts";
import type { LiveModels } from "./live_models.ts";

/** A proxy on the way, or a dead peer, is found out by this. */
const KEEP_ALIVE_MS = 15_000;
/** Who reads slower than things happen is let go, and comes again. */
const BEHIND_MAX = 1_000;

export function eventStream(
  journal: Journal,
  live: LiveModels,
  clock: Clock,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const encoder = new TextEncoder();
  const listening = new DisposableStack();
  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    start(controller) {
      const write = (text: string) => {
        if (listening.disposed) return;
        controller.enqueue(encoder.encode(text));
        if (controller.desiredSize !== null && controller.desiredSize > -BEHIND_MAX) return;
        listening.dispose();
        controller.error(new Error("the reader is too slow"));
      };
      const send = (name: string) => (data: unknown) => write(event(name, data));
      listening.use(live.listen({
        models: send("models"),
        // In one piece: a thousand models that change at once are no reader that is behind.
        changed: (views) => write(views.map((view) => event("model", view)).join("")),
      }));
      listening.use(journal.listen({ changed: send("change"), woke: send("wake") }));
      let timer: Disposable;
      const keepAlive = () => {
        timer = clock.timer(KEEP_ALIVE_MS, () => {
          // First the next one: who is too slow is let go by this write, and the timer with it.
          keepAlive();
          write(": keep-alive\n\n");
        });
      };
      keepAlive();
      listening.defer(() => timer[Symbol.dispose]());
    },
    cancel: () => listening.dispose(),
  });
}

function event(name: string, data: unknown): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}
