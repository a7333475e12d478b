/** What an operator does to a model, over the same API as the commands. */

/** `path`: the verb, with its query. `{ok: true, view}`, or `{ok: false, status, message}`; status 0: nobody answered. */
export async function act(model, path) {
  try {
    const response = await fetch(`api/models/${encodeURIComponent(model)}/${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "{}",
    });
    const answer = await response.json();
    if (response.ok) return { ok: true, view: answer };
    return { ok: false, status: response.status, message: answer.error.message };
  } catch (error) {
    return { ok: false, status: 0, message: `The gateway did not answer: ${error.message}` };
  }
}
