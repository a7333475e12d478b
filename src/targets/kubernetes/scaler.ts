/**
 * The two commands to a workload, by its `scale` subresource and with the resourceVersion that was seen:
 * somebody else's change in between wins. Never over a number that is not zero when waking.
 */
import { type CommandResult, type Failure, LookRefused } from "../../activator/scale_target.ts";
import { type Clock, pause } from "../../platform/clock.ts";
import { ApiError, ApiUnreachable, type KubernetesApi, MERGE_PATCH } from "./api.ts";
import type { KubernetesObject } from "./reflector.ts";
import { hasLabels, selectorOf } from "./selector.ts";
import {
  type Announcement,
  REPLICAS_ANNOTATION,
  STOPPING_ANNOTATION,
  type WorkloadView,
  workloadView,
} from "./views.ts";

export interface ScalerOptions {
  readonly api: KubernetesApi;
  readonly clock: Clock;
  /** For messages, e.g. `deployment ai/vllm`. */
  readonly name: string;
  /** Of the object, e.g. `/apis/apps/v1/namespaces/ai/deployments/vllm`. */
  readonly path: string;
  /** `apps/deployments` or the like, and where: what a Role has to grant. */
  readonly resource: string;
  readonly namespace: string;
  /**
   * True for kinds whose `/status` takes annotations, as the built-in ones do. Custom kinds need the
   * right to patch the object itself.
   */
  readonly notesInStatus: boolean;
  /** Woken to; undefined: what it had before it slept, else 1. */
  readonly replicas: number | undefined;
}

/** Annotations; null takes one away. */
export type Notes = Readonly<Record<string, string | null>>;

/** A command that was done, with the object as it is after it. */
export type Scaled =
  | { readonly outcome: "done"; readonly workload: WorkloadView }
  | Exclude<CommandResult, { outcome: "done" }>;

/** An API server that has just started answers 403 for about a second: three in a row are believed. */
const REFUSALS_BELIEVED = 3;
const REFUSAL_AGAIN_MS = 1_200;
const UNANNOUNCED = { [STOPPING_ANNOTATION]: null };
/** Writes of an object's status come a few at a time. */
const WRITES_MAX = 8;

function isRefusal({ status }: ApiError): boolean {
  return status === 401 || status === 403;
}

function isConflict(error: unknown): boolean {
  return error instanceof ApiError && error.status === 409;
}

export class Scaler {
  /** Whose pods a custom kind's are: its objects do not say so, what answers its scaling does. */
  #pods: { readonly uid: string; readonly selector: WorkloadView["selector"] } | undefined;

  constructor(readonly options: ScalerOptions) {}

  /** `workload` with the selector of its pods, as far as it can be known. */
  withPods(workload: WorkloadView): WorkloadView {
    const isKnown = this.#pods?.uid === workload.uid && !hasLabels(workload.selector);
    return isKnown ? { ...workload, selector: this.#pods!.selector } : workload;
  }

  /** The workload if there is anything to stop, else what came of asking. */
  async see(signal: AbortSignal): Promise<WorkloadView | Scaled> {
    const scaled = await this.#command(signal, () => this.read(signal));
    return scaled.outcome === "done" && scaled.workload.desired > 0 ? scaled.workload : scaled;
  }

  /** A consistent read. @throws ApiError, ApiUnreachable */
  async read(signal: AbortSignal): Promise<WorkloadView> {
    const { api, path } = this.options;
    return workloadView(await api.call<KubernetesObject>({ verb: "get", path, signal }));
  }

  /** As `withdraw`, for whoever wants to know how it is. @throws LookRefused, ApiUnreachable, ApiError */
  async look(signal: AbortSignal, isVoid: (by: string) => boolean): Promise<WorkloadView> {
    const seen = await this.#command(signal, () => this.withdraw(signal, isVoid));
    switch (seen.outcome) {
      case "done":
        return seen.workload;
      case "refused":
        throw new LookRefused(seen.failure);
      case "conflict":
        throw new ApiError(409, "Conflict", "somebody else changed it");
      case "unanswered":
        throw new ApiUnreachable(seen.message);
    }
  }

  /** `seen` is what a watch knows, which may be old: then the write conflicts, and a read decides. */
  wake(signal: AbortSignal, seen?: WorkloadView): Promise<Scaled> {
    return this.#command(signal, async () => {
      if (seen?.desired === 0) {
        try {
          return await this.#wakeFrom(seen, signal);
        } catch (error) {
          if (!isConflict(error)) throw error;
        }
      }
      return await this.#wakeFrom(await this.read(signal), signal);
    });
  }

  async #wakeFrom(workload: WorkloadView, signal: AbortSignal): Promise<WorkloadView> {
    if (workload.desired > 0) return await this.#withoutAnnouncement(workload, signal);
    const write = this.#write(workload, signal, (now) => {
      return this.#scale(now, this.options.replicas ?? now.slept ?? 1, signal);
    });
    const failure = await write.then(() => undefined, (error: Error) => error);
    const now = await this.read(signal);
    // Somebody else woke it: that is what we wanted.
    if (failure && now.desired === 0) throw failure;
    return now;
  }

  /** Whoever announced that it is about to stop it loses: its zero insists on what this changes. */
  async #withoutAnnouncement(
    workload: WorkloadView,
    signal: AbortSignal,
  ): Promise<WorkloadView> {
    if (!workload.announced) return workload;
    return await this.#write(workload, signal, (now) => this.#annotate(now, UNANNOUNCED, signal));
  }

  /**
   * Announces a zero over `seen`, which it was decided upon, and notes what it has now. A change of what is wanted since
   * then wins, and so does whoever `mayAnnounce` says had announced it before.
   */
  announce(
    signal: AbortSignal,
    seen: WorkloadView,
    by: Omit<Announcement, "generation">,
    mayAnnounce: (now: WorkloadView) => boolean,
  ): Promise<Scaled> {
    return this.#command(signal, () =>
      this.#write(seen, signal, (now) => {
        if (!mayAnnounce(now)) throw new ApiError(409, "Conflict", "somebody else announced it");
        const { generation, desired } = now;
        return this.#annotate(now, {
          [REPLICAS_ANNOTATION]: String(desired),
          [STOPPING_ANNOTATION]: JSON.stringify({ ...by, generation }),
        }, signal);
      }));
  }

  /**
   * Takes the announcement back if it stands and `isVoid` says so of who made it. Returns the workload as it is then.
   * @throws ApiError, ApiUnreachable
   */
  async withdraw(signal: AbortSignal, isVoid: (by: string) => boolean): Promise<WorkloadView> {
    const now = await this.read(signal);
    const { announced } = now;
    return announced && isVoid(announced.by) ? await this.#withoutAnnouncement(now, signal) : now;
  }

  /** Writes what `notes` says of the workload as it is then; undefined: nothing has to be. */
  note(signal: AbortSignal, notes: (now: WorkloadView) => Notes | undefined): Promise<Scaled> {
    return this.#command(signal, async () => {
      for (let tries = 1;; tries++) {
        const now = await this.read(signal);
        const written = notes(now);
        try {
          return written ? await this.#annotate(now, written, signal) : now;
        } catch (error) {
          if (!isConflict(error) || tries === WRITES_MAX) throw error;
        }
      }
    });
  }

  /** Puts to zero what is still as it was announced. */
  zero(signal: AbortSignal, announced: WorkloadView): Promise<Scaled> {
    return this.#command(signal, async () => {
      await this.#write(announced, signal, (now) => {
        if (now.announced?.token !== announced.announced?.token) {
          throw new ApiError(409, "Conflict", "another gateway keeps it up");
        }
        return this.#scale(now, 0, signal);
      });
      const now = await this.read(signal);
      if (now.desired > 0) throw new ApiError(409, "Conflict", "somebody else scaled it up again");
      return now;
    });
  }

  /**
   * Written through `/status`: for Deployments and StatefulSets that changes annotations and cannot
   * touch the pod template, so the gateway needs no right to run an image.
   */
  async #annotate(
    { resourceVersion }: WorkloadView,
    annotations: Notes,
    signal: AbortSignal,
  ): Promise<WorkloadView> {
    const { api, notesInStatus } = this.options;
    const path = notesInStatus ? `${this.options.path}/status` : this.options.path;
    const object = await api.call<KubernetesObject>({
      ...{ verb: "patch", method: "PATCH", path, signal },
      ...{ body: { metadata: { resourceVersion, annotations } }, contentType: MERGE_PATCH },
    });
    return workloadView(object);
  }

  async #scale(
    { uid, resourceVersion }: WorkloadView,
    replicas: number,
    signal: AbortSignal,
  ): Promise<void> {
    const { api, path } = this.options;
    const { status } = await api.call<{ status?: { selector?: string } }>({
      ...{ verb: "patch", method: "PATCH", path: `${path}/scale`, signal },
      ...{ body: { metadata: { resourceVersion }, spec: { replicas } }, contentType: MERGE_PATCH },
    });
    this.#pods = { uid, selector: selectorOf(status?.selector) };
  }

  /**
   * Writes over what was seen. The controllers write the object's status all the time, which is no
   * reason to give way; a change of what is wanted is.
   */
  async #write<T>(
    seen: WorkloadView,
    signal: AbortSignal,
    write: (seen: WorkloadView) => Promise<T>,
  ): Promise<T> {
    let now = seen;
    for (let tries = 1;; tries++) {
      if (now.generation !== seen.generation || now.uid !== seen.uid) {
        throw new ApiError(409, "Conflict", "somebody else changed it");
      }
      try {
        return await write(now);
      } catch (error) {
        if (!isConflict(error) || tries === WRITES_MAX) throw error;
        now = await this.read(signal);
      }
    }
  }

  async #command(
    signal: AbortSignal,
    command: () => Promise<WorkloadView>,
  ): Promise<Scaled> {
    for (let refusals = 1;; refusals++) {
      try {
        return { outcome: "done", workload: await command() };
      } catch (error) {
        if (error instanceof ApiUnreachable) {
          return { outcome: "unanswered", message: error.message };
        }
        if (!(error instanceof ApiError)) throw error;
        if (error.status === 409) return { outcome: "conflict" };
        if (!isRefusal(error) || refusals === REFUSALS_BELIEVED) {
          return { outcome: "refused", failure: this.failureOf(error) };
        }
        await pause(REFUSAL_AGAIN_MS, this.options.clock, signal);
      }
    }
  }

  /** Why the API server says no, and what to do about it. */
  failureOf(error: ApiError): Failure {
    const { name, resource, namespace, notesInStatus } = this.options;
    const notes = notesInStatus ? `${resource}/status` : resource;
    switch (error.status) {
      case 404:
        return {
          kind: "missing",
          message: `${name} does not exist: make it, or correct its name in the config`,
        };
      case 401:
        return {
          kind: "forbidden",
          message: `the API server does not know the gateway: ${error.message}`,
        };
      case 403:
        return {
          kind: "forbidden",
          message:
            `the gateway may not scale ${name}: grant get, list, watch on ${resource} and patch on ` +
            `${resource}/scale and ${notes} in namespace ${namespace} ` +
            `(${error.message})`,
        };
      default:
        return { kind: "config", message: `${name} cannot be scaled: ${error.message}` };
    }
  }
}
