/** What is asked of the gateway itself: is it up, is it ready, which version. Nothing here wakes a model. */
import { allowOnly, answerJson } from "./info.ts";
import type { Layer } from "./layers.ts";

/** Where they are asked. */
export const PROBES: ReadonlySet<string> = new Set(["/health", "/ping", "/version", "/readyz"]);

export interface ProbeOptions {
  readonly version: string;
  /** False once the gateway is about to stop: a load balancer should send its requests elsewhere. */
  isReady(): boolean;
}

export function probeLayer({ version, isReady }: ProbeOptions): Layer {
  const answer = (path: string): Response | undefined => {
    switch (path) {
      case "/health":
      case "/ping":
        return answerJson({ status: "ok" });
      case "/version":
        return answerJson({ version });
      case "/readyz":
        return isReady()
          ? answerJson({ status: "ready" })
          : answerJson({ status: "draining" }, { status: 503 });
    }
    return undefined;
  };
  return {
    enter(request, context) {
      const response = answer(context.path);
      if (response) allowOnly(request, ["GET", "HEAD"]);
      return response;
    },
  };
}
