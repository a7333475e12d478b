/** What an operator does to a model, over the same API as the commands. */

/** `{ok: true, view}`, or `{ok: false, status, message}`; status 0: nobody answered. */
export async function act(model, verb, body = {}) {
  try {
    const response = await fetch(`api/models/${encodeURIComponent(model)}/${verb}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    const answer = await response.json();
    if (response.ok) return { ok: true, view: answer };
    return { ok: false, status: response.status, message: answer.error.message };
  } catch (error) {
    return { ok: false, status: 0, message: `The gateway did not answer: ${error.message}` };
  }
}
