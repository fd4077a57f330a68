"""A little of everything, so that answers have rows: requests through the gateway,
reported events, page views and content. The server has no tokens yet, so that agents
can be named. Waits until all of it is stored.
"""

import json
import os
import time
import urllib.error
import urllib.request

SERVER = os.environ["SYSTEMPROMPT_URL"].rstrip("/")
HELLO = [{"role": "user", "content": "hi"}]
# A person's, whose visits count where nothing else is asked for.
BROWSER = {
    "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "accept": "*/*",
    "accept_language": "en",
    "accept_encoding": "gzip, br",
    "origin": "https://example.com",
}


def send(path, body, **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    headers["content-type"] = "application/json"
    request = urllib.request.Request(SERVER + path, json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as refused:
        return json.loads(refused.read() or b"null")


def ask(question):
    with urllib.request.urlopen(f"{SERVER}/api/v1/analytics/{question}", timeout=10) as answer:
        return json.load(answer)["rows"]


for n in range(6):
    who = {"x_systemprompt_agent": f"scout-{n % 2}", "x_systemprompt_session": f"session-{n % 3}"}
    send("/anthropic/v1/messages", {"model": "claude-haiku-4-5", "max_tokens": 64, "messages": HELLO}, **who)
    send("/openai/v1/chat/completions", {"model": "gpt-4o", "messages": HELLO}, **who)
# One that fails and one that nobody knows the price of.
send("/anthropic/v1/messages", {"model": "claude-haiku-4-5", "max_tokens": 1, "messages": HELLO}, x_mock="status=500")
send("/openai/v1/chat/completions", {"model": "nobody-knows", "messages": HELLO})

ada = {"user": "ada@example.com", "agent": "scout-0"}
call = {"type": "tool_call", "server": "docs", "latency_us": 1_200, **ada}
reported = {"type": "request", "provider": "anthropic", "api": "messages", "requested_model": "claude-haiku-4-5",
            "served_model": "claude-haiku-4-5", "conversation_id": "chat-1", **ada}
receipt = send("/api/v1/events", [
    {"type": "activity", "category": "login", "action": "succeeded", "user": "ada@example.com"},
    {"type": "activity", "category": "skill_usage", "action": "executed", "entity_type": "skill", "entity_name": "summarise", **ada},
    {"type": "audit", "category": "data_access", "event": "file_accessed", "detail": {"file": "plan.md"}, **ada},
    {**reported, "state": "completed", "usage": {"tokens": {"input": 12, "output": 6}}, "latency_us": 900_000},
    {**reported, "state": "failed", "http_status": 529, "error_type": "overloaded_error"},
    {**call, "tool": "search", "status": "success"},
    {**call, "tool": "fetch", "status": "failed", "error_type": "tool_error"},
    {"type": "tool_list", "server": "docs", "tools": [{"name": "search", "hash": "00" * 32}]},
    {"type": "page_request", "site": "example.com", "target": "/guide", "status": 200, "user_agent": "GPTBot/1.2"},
])
assert (receipt["stored"], receipt["accepted"]) == (7, 2), receipt
for n, page in enumerate(["/", "/guide", "/guide/start"]):
    view = {"p": f"suite-view-{n}", "n": 0, "u": f"https://example.com{page}", "t": page, "r": "https://news.example.org/"}
    taken = send("/api/collect", [view, {"p": view["p"], "n": 1, "e": 5_000, "d": 80, "c": 1}], **BROWSER)
    assert taken == {"accepted": 2}, taken
assert "results" in send("/api/v1/content", [{"url": "https://example.com/guide", "title": "Guide", "kind": "docs"}])

wanted = {"requests/list": 16, "sessions/live": 1, "tools/list": 2, "activity/list": 2, "traffic/pages": 3}
deadline = time.time() + 30
while missing := {question: n for question, n in wanted.items() if len(ask(question)) < n}:
    assert time.time() < deadline, f"what was sent is not stored: {missing}"
    time.sleep(0.2)

# What can be asked for by name, for the hooks.
request, session = ask("requests/list")[0], ask("sessions/list")[0]
known = {
    "requests/show": {"id": request["id"]},
    "requests/list": {"before": request["id"]},
    "sessions/list": {"before": session["id"]},
    "activity/list": {"before": ask("activity/list")[0]["id"]},
    "conversations/list": {"before": ask("conversations/list")[0]["conversation_id"]},
    "traces/show": {"id": request["trace_id"]},
    "conversations/show": {"id": ask("conversations/list")[0]["conversation_id"]},
    "sessions/show": {"id": session["id"]},
    "agents/show": {"name": "scout-0"},
    "tools/show": {"name": "search"},
    "content/show": {"content": "/guide"},
    "content/trends": {"content": "/guide"},
    "content/patterns": {"content": "/guide"},
}
with open(os.environ["API_KNOWN"], "w") as file:
    json.dump(known, file)
