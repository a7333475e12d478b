/** `/api/events`: all models as they are, then every change of state, as server-sent events. */
import type { Clock } from "../platform/clock.ts";
import type { Journal } from "./journal.ts";
import type { ModelView } from "./model_view.ts";

/** A proxy on the way, or a dead peer, is found out by this. */
const KEEP_ALIVE_MS = 15_000;
/** Who reads slower than things happen is let go, and comes again. */
const BEHIND_MAX = 1_000;

export function eventStream(
  journal: Journal,
  models: () => readonly ModelView[],
  clock: Clock,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const encoder = new TextEncoder();
  let timer: Disposable | undefined;
  let listening: Disposable | undefined;
  const end = () => {
    timer?.[Symbol.dispose]();
    listening?.[Symbol.dispose]();
  };
  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    start(controller) {
      const write = (text: string) => {
        controller.enqueue(encoder.encode(text));
        if (controller.desiredSize !== null && controller.desiredSize > -BEHIND_MAX) return;
        end();
        controller.error(new Error("the reader is too slow"));
      };
      const keepAlive = () => {
        timer = clock.timer(KEEP_ALIVE_MS, () => {
          // First the next one: who is too slow is let go by this write, and the timer with it.
          keepAlive();
          write(": keep-alive\n\n");
        });
      };
      listening = journal.listen((change) => write(event("change", change)));
      write(event("models", models()));
      keepAlive();
    },
    cancel: end,
  });
}

function event(name: string, data: unknown): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}
