"""A budget that is used up, as the official Python SDKs see it: their own class
for rate limits, at once, with retries left as they come out of the box.

Needs a gateway with a budget of 0 for the agent `paused` that pauses requests.
"""

import os
import sys

import anthropic
import openai
from google import genai

GATEWAY = os.environ["SYSTEMPROMPT_URL"].rstrip("/")
AGENT = {"x-systemprompt-agent": "paused"}
BUDGET = "daily_cost-agent-paused"
HELLO = [{"role": "user", "content": "hi"}]

sent = []


def client(library):
    """The SDK's own HTTP client, counting what it sends."""
    return library.DefaultHttpxClient(event_hooks={"request": [sent.append]})


claude = anthropic.Anthropic(
    base_url=f"{GATEWAY}/anthropic", api_key="dummy", default_headers=AGENT, http_client=client(anthropic)
)
gpt = openai.OpenAI(
    base_url=f"{GATEWAY}/openai/v1", api_key="dummy", default_headers=AGENT, http_client=client(openai)
)
gemini = genai.Client(
    api_key="dummy",
    http_options={
        "base_url": f"{GATEWAY}/gemini",
        "headers": AGENT,
        "client_args": {"event_hooks": {"request": [sent.append]}},
    },
)


def ask_claude(**more):
    return claude.messages.create(model="claude-sonnet-4-6", max_tokens=64, messages=HELLO, **more)


def ask_gpt(**more):
    return gpt.chat.completions.create(model="gpt-4o", messages=HELLO, **more)


CASES = {
    "messages": (ask_claude, anthropic.RateLimitError),
    "messages stream": (lambda: list(ask_claude(stream=True)), anthropic.RateLimitError),
    "chat": (ask_gpt, openai.RateLimitError),
    "chat stream": (lambda: list(ask_gpt(stream=True)), openai.RateLimitError),
    "responses": (lambda: gpt.responses.create(model="gpt-4o", input="hi"), openai.RateLimitError),
    "generate": (
        lambda: gemini.models.generate_content(model="gemini-2.5-flash", contents="hi"),
        genai.errors.ClientError,
    ),
}

passed = failed = 0
for name, (call, expected) in CASES.items():
    sent.clear()
    try:
        call()
        wrong = "went through"
    except Exception as error:  # noqa: BLE001: whatever else it is, it is wrong
        status = getattr(error, "status_code", None) or getattr(error, "code", None)
        right = isinstance(error, expected) and status == 429 and BUDGET in str(error) and len(sent) == 1
        wrong = None if right else f"{type(error).__name__} {status} after {len(sent)} requests: {error}"
    if wrong:
        failed += 1
        print(f"FAILED paused {name}: {wrong}")
    else:
        passed += 1
print(f"python: {passed} passed, {failed} failed")
sys.exit(failed > 0)
