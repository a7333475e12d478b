"""The SDKs for Python, asynchronous, told what to call as those of driver.mjs are."""

import asyncio
import json
import sys

import anthropic
import openai
from langchain_openai import ChatOpenAI

MESSAGES = [{"role": "user", "content": "Hello"}]


def noting(library, attempts):
    """The library's own HTTP client, with a note of every answer."""

    async def note(response):
        attempts.append({
            "path": response.request.url.path,
            "body": "",
            "status": response.status_code,
            "headers": dict(response.headers),
        })

    return library.DefaultAsyncHttpxClient(event_hooks={"response": [note]})


async def openai_chat_stream(asked, attempts):
    client = openai.AsyncOpenAI(
        base_url=asked["baseURL"],
        api_key=asked["apiKey"],
        default_headers=asked["headers"],
        http_client=noting(openai, attempts),
    )
    chunks = await client.chat.completions.create(
        model=asked["model"], messages=MESSAGES, stream=True
    )
    text = ""
    async for chunk in chunks:
        text += (chunk.choices[0].delta.content or "") if chunk.choices else ""
    return text


async def langchain_astream(asked, attempts):
    model = ChatOpenAI(
        base_url=asked["baseURL"],
        api_key=asked["apiKey"],
        model=asked["model"],
        default_headers=asked["headers"],
        http_async_client=noting(openai, attempts),
    )
    text = ""
    async for chunk in model.astream("Hello"):
        text += chunk.text
    return text


async def anthropic_messages_stream(asked, attempts):
    client = anthropic.AsyncAnthropic(
        # It adds `/v1` itself.
        base_url=asked["baseURL"].removesuffix("/v1"),
        api_key=asked["apiKey"],
        default_headers=asked["headers"],
        http_client=noting(anthropic, attempts),
    )
    text = ""
    async with client.messages.stream(
        model=asked["model"], max_tokens=1000, messages=MESSAGES
    ) as stream:
        async for part in stream.text_stream:
            text += part
    return text


CALLS = {
    "openai": openai_chat_stream,
    "langchain-openai": langchain_astream,
    "anthropic": anthropic_messages_stream,
}


def described(error):
    names = [kind.__name__ for kind in type(error).__mro__ if issubclass(kind, Exception)]
    cause = error.__cause__
    return {
        "names": names,
        "message": str(error),
        **({"cause": described(cause)} if isinstance(cause, Exception) else {}),
    }


async def make(asked):
    attempts = []
    try:
        outcome = {"text": await CALLS[asked["client"]](asked, attempts)}
    except Exception as error:
        outcome = {"error": described(error)}
    print(json.dumps({"id": asked["id"], "attempts": attempts, **outcome}), flush=True)


async def main():
    calls = set()
    while line := await asyncio.to_thread(sys.stdin.readline):
        call = asyncio.create_task(make(json.loads(line)))
        # The loop itself would let it go.
        calls.add(call)
        call.add_done_callback(calls.discard)


asyncio.run(main())
