"""An agent that looks at its own numbers and acts on them, with the official client.

It works with a model that is slow and dear, asks how fast its models were and what its
budget leaves, and goes on with the model that it is told of. What it read is what the
command line says.

Environment: URL, CLI and TOKEN (of the agent `looper`, whose daily budget is 1.85), as in
suite.py. Prints `closed loop: N passed, N failed`.
"""

import asyncio
import json
import os
import shlex
import subprocess
import sys
import time
import urllib.request

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

URL, CLI, TOKEN = os.environ["URL"], shlex.split(os.environ["CLI"]), os.environ["TOKEN"]
SLOW, FAST = "claude-sonnet-4-5", "claude-haiku-4-5"
# How the mock provider plays each model: how long it takes, what it uses.
PLAYED = {SLOW: "delay=400,in=20000,out=2000", FAST: "delay=20,in=20000,out=2000"}

passed, failed = 0, 0


def check(what, true, seen=""):
    global passed, failed
    if true:
        passed += 1
    else:
        failed += 1
        print(f"FAILED {what}: {seen}", flush=True)


def cli(*words):
    answer = subprocess.run([*CLI[:1], *words, *CLI[1:], "--json"], capture_output=True, check=True)
    return json.loads(answer.stdout)


def work(model):
    body = json.dumps({"model": model, "max_tokens": 100, "messages": [{"role": "user", "content": "go on"}]})
    headers = {"x-systemprompt-token": TOKEN, "content-type": "application/json", "x-mock": PLAYED[model]}
    request = urllib.request.Request(URL + "/anthropic/v1/messages", data=body.encode(), headers=headers)
    with urllib.request.urlopen(request) as answer:
        answer.read()


async def look(client):
    """What the agent asks before it goes on: its models, and its budget."""
    requests = (await client.call_tool("analytics_requests", {"since": "1h"})).structured_content
    costs = (await client.call_tool("analytics_costs", {"since": "1h"})).structured_content
    return requests["rows"][0], costs["rows"][0]


def decide(model, requests, costs):
    """Another model, if it is told of a faster one or its budget will not last."""
    mine = next(row for row in requests["models"] if row["model"].startswith(model))
    budget = costs["budgets"][0]
    short = float(budget["left"]) < 0.25 * float(budget["limit"])
    faster = mine["faster_model"]
    if faster:
        return faster, mine, short
    return model, mine, short


async def main():
    # One call first, so that both models are known; then the work.
    for _ in range(20):
        work(FAST)
    model = SLOW
    for _ in range(10):
        work(model)
    time.sleep(1.5)
    headers = {"authorization": f"Bearer {TOKEN}"}
    transport = streamable_http_client(URL + "/mcp", http_client=httpx2.AsyncClient(headers=headers))
    async with Client(transport) as client:
        requests, costs = await look(client)
        chosen, mine, short = decide(model, requests, costs)
        check("it sees how slow its model is", mine["p95_latency_ms"] > 350, mine)
        check("it sees that its budget is near its end", short, costs["budgets"])
        check("it is told of the faster model", chosen.startswith(FAST), mine)
        said = cli("analytics", "requests", "stats", "--since", "1h", "--agent", "looper")["rows"][0]
        check("its figures are the command line's", said == requests, f"{said} {requests}")
        said = cli("analytics", "costs", "summary", "--since", "1h", "--agent", "looper")["rows"][0]
        # The operator sees the budgets of all; the agent those on itself.
        budgets = [row for row in said.pop("budgets") if row["name"] == costs["budgets"][0]["name"]]
        mine = costs.pop("budgets")
        for row in [*budgets, *mine]:
            # It moves with the clock.
            row.pop("pace")
        check("its bill is the command line's", said == costs, f"{said} {costs}")
        check("so is what its budget leaves", budgets == mine, f"{budgets} {mine}")
        model = FAST
        for _ in range(5):
            work(model)
        time.sleep(1.5)
        after, _ = await look(client)
        counts = {row["model"]: row["requests"] for row in after["models"]}
        fast = sum(n for name, n in counts.items() if name.startswith(FAST))
        slow = sum(n for name, n in counts.items() if name.startswith(SLOW))
        check("it went on with the other model", (slow, fast) == (10, 25), counts)
    print(f"closed loop: {passed} passed, {failed} failed", flush=True)
    sys.exit(1 if failed else 0)


asyncio.run(main())
