/** Files as a dependency: read them, and be told when something in a folder changes. */

export interface Files {
  /** Rejects if there is no such file or it may not be read. */
  readText(path: string): Promise<string>;
  /**
   * Calls `onChange` after entries of the folder were created, written, renamed or removed, until it
   * is disposed; often several times for one change. A folder that cannot be watched is never
   * reported: whoever depends on the news looks now and then by itself.
   */
  watchDirectory(path: string, onChange: () => void): Disposable;
}

export const systemFiles: Files = {
  readText: (path) => Deno.readTextFile(path),
  watchDirectory(path, onChange) {
    let watcher: Deno.FsWatcher;
    try {
      watcher = Deno.watchFs(path, { recursive: false });
    } catch {
      return { [Symbol.dispose]() {} };
    }
    let open = true;
    const follow = async () => {
      for await (const _event of watcher) if (open) onChange();
    };
    follow().catch(() => {});
    return {
      [Symbol.dispose]() {
        if (!open) return;
        open = false;
        watcher.close();
      },
    };
  },
};
