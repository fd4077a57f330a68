"""The official client, in both eras of the protocol, against a running server.

Environment:
    URL            the server; its profile has the MCP server `fixture`, which is FIXTURE
    SCOUT, CLERK   tokens of two agents: scout made three requests, clerk one
    CLI            the command line, with the options that find the same database
    FIXTURE        the fixture server itself
    CALLS          the file in which the fixture counts calls over HTTP
Prints `suite: N passed, N failed`.
"""

import asyncio
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import httpx2
import jsonschema
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

URL, CLI, FIXTURE = os.environ["URL"], shlex.split(os.environ["CLI"]), os.environ["FIXTURE"]
TOKENS = {"scout": os.environ["SCOUT"], "clerk": os.environ["CLERK"]}
REQUESTS = {"scout": 3, "clerk": 1}
OWN = ["analytics_costs", "analytics_requests", "analytics_errors", "analytics_audit"]
ERAS = ["legacy", "2026-07-28"]
HERE = os.path.dirname(os.path.abspath(__file__))

passed, failed = 0, 0


def check(what, true, seen=""):
    global passed, failed
    if true:
        passed += 1
    else:
        failed += 1
        print(f"FAILED {what}: {seen}", flush=True)


def http(path, token=None, **headers):
    if token:
        headers["authorization"] = f"Bearer {token}"
    return streamable_http_client(URL + path, http_client=httpx2.AsyncClient(headers=headers, timeout=60))


def stdio(agent):
    command, *args = CLI
    return StdioServerParameters(command=command, args=["mcp", "serve", "--agent", agent, *args])


def cli(*words):
    answer = subprocess.run([*CLI[:1], *words, *CLI[1:], "--json"], capture_output=True, check=True)
    return json.loads(answer.stdout)


async def about_itself(how, target, era, agent):
    """The four tools answer what their schemas promise, about this agent alone."""
    async with Client(target, mode=era) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        for name in OWN:
            what = f"{how} {era} {agent} {name}"
            check(f"{what} is listed", name in tools, list(tools))
            result = await client.call_tool(name, {})
            check(f"{what} answers", not result.is_error, result)
            content = result.structured_content
            try:
                jsonschema.validate(content, tools[name].output_schema)
                check(what, True)
            except jsonschema.ValidationError as error:
                check(f"{what} conforms to its schema", False, error.message)
            check(f"{what} says the same as text", json.loads(result.content[0].text) == content)
            said = json.dumps(content)
            other = "clerk" if agent == "scout" else "scout"
            check(f"{what} names nobody else", other not in said, said)
            if name == "analytics_requests":
                check(f"{what} counts its own", content["rows"][0]["requests"] == REQUESTS[agent], said)


async def forged():
    """Claiming to be another agent changes nothing, wherever it is claimed."""
    places = [{"x-systemprompt-agent": "clerk"}, {"x-agent-id": "clerk"}, {"agent": "clerk"}, {"x-forwarded-user": "clerk"}]
    for headers in places:
        for era in ERAS:
            async with Client(http("/mcp", TOKENS["scout"], **headers), mode=era) as client:
                meta = {"agent": "clerk", "x-systemprompt-agent": "clerk", "progressToken": "clerk"}
                result = await client.call_tool("analytics_requests", {}, meta=meta)
                seen = result.structured_content["rows"][0]["requests"]
                check(f"forged {headers} {era}", seen == 3, seen)
                result = await client.call_tool("analytics_requests", {"agent": ["clerk"]})
                seen = result.structured_content["rows"][0]["requests"]
                check(f"asking about clerk {headers} {era}", seen == 0, seen)


def without_a_token():
    for path in ["/mcp", "/mcp/fixture"]:
        for token in [None, "sp_agt_wrong", TOKENS["scout"][:-1]]:
            headers = {"content-type": "application/json"}
            if token:
                headers["authorization"] = f"Bearer {token}"
            body = b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}'
            request = urllib.request.Request(URL + path, data=body, headers=headers)
            try:
                urllib.request.urlopen(request)
                status = 200
            except urllib.error.HTTPError as error:
                status = error.code
            check(f"{path} with {token} is refused", status == 401, status)


async def through(how, target, era):
    """What the fixture answers, to be compared with what it answers straight."""
    answers = []
    async with Client(target, mode=era, read_timeout_seconds=60) as client:
        listed = (await client.list_tools()).tools
        answers.append([tool.model_dump(mode="json") for tool in listed])
        for name, arguments in [
            ("test_simple_text", {}),
            ("test_image_content", {}),
            ("test_audio_content", {}),
            ("test_embedded_resource", {}),
            ("test_multiple_content_types", {}),
            ("test_error_handling", {}),
            ("test_tool_with_progress", {}),
            ("echo", {"text": "größe 🦀"}),
            ("huge", {"size": 16 << 20}),
            ("no_such_tool", {}),
        ]:
            try:
                result = await client.call_tool(name, arguments)
                dump = result.model_dump(mode="json", exclude={"meta"})
            except Exception as error:
                dump = f"{type(error).__name__}: {error}"
            answers.append((name, dump))
    return answers


def calls():
    """Calls of the fixture by its recorded name, and how they ended."""
    rows = cli("analytics", "tools", "list", "--since", "1h", "--limit", "1000")["rows"]
    return {(row["server"], row["tool"]): row for row in rows}


async def fixture():
    for era in ERAS:
        before = os.path.getsize(os.environ["CALLS"])
        straight = await through("straight", FIXTURE, era)
        middle = os.path.getsize(os.environ["CALLS"])
        proxied = await through("proxied", http("/mcp/fixture", TOKENS["scout"]), era)
        after = os.path.getsize(os.environ["CALLS"])
        for a, b in zip(straight, proxied, strict=True):
            check(f"proxy {era} {a[0] if isinstance(a, tuple) else 'list'}", a == b, f"{str(a)[:300]} != {str(b)[:300]}")
        check(f"proxy {era} calls as often", middle - before == after - middle > 8)
        program = [sys.executable, os.path.join(HERE, "fixture.py"), "stdio"]
        name = "wrapped-" + era.split("-")[0]
        direct = StdioServerParameters(command=program[0], args=program[1:])
        wrapped = ["mcp", "wrap", "--server", name, *CLI[1:], "--", *program]
        wrapped = StdioServerParameters(command=CLI[0], args=wrapped)
        straight = await through("stdio", direct, era)
        through_wrapper = await through("wrapped", wrapped, era)
        for a, b in zip(straight, through_wrapper, strict=True):
            check(f"wrap {era} {a[0] if isinstance(a, tuple) else 'list'}", a == b, f"{str(a)[:300]} != {str(b)[:300]}")
        # Clients do not wait long for a server's end: the next wrapper delivers the rest.
        subprocess.run([CLI[0], "mcp", "wrap", "--server", "last", *CLI[1:], "--", "true"], check=True)
        seen = {tool: row for (server, tool), row in calls().items() if server == name}
        check(f"wrap {era}: a row each", sum(row["executions"] for row in seen.values()) == 10, seen.keys())
        check(f"wrap {era}: an error is one", seen.get("test_error_handling", {}).get("failed") == 1, seen.get("test_error_handling"))


async def ends():
    """Cancelled, timed out, died in the middle: each with its status."""
    async def call(tool, arguments, timeout):
        try:
            target = http("/mcp/fixture", TOKENS["clerk"])
            async with Client(target, mode="2026-07-28", read_timeout_seconds=timeout) as client:
                await client.call_tool(tool, arguments)
        except BaseException:
            pass

    await call("slow", {"seconds": 20}, 1)
    await call("slow", {"seconds": 20}, 30)
    await asyncio.sleep(2)
    row = calls()[("fixture", "slow")]
    check("a client's patience is a cancelled call", row["cancelled"] == 1, row)
    check("the proxy's patience is a timeout", row["timeout"] == 1, row)
    await call("die", {}, 30)
    await asyncio.sleep(2)
    row = calls()[("fixture", "die")]
    check("a server that dies is a failed call", row["failed"] == 1, row)


async def main():
    for agent in TOKENS:
        for era in ERAS:
            await about_itself("http", http("/mcp", TOKENS[agent]), era, agent)
            await about_itself("stdio", stdio(agent), era, agent)
    await forged()
    without_a_token()
    await fixture()
    await ends()
    print(f"suite: {passed} passed, {failed} failed", flush=True)
    sys.exit(1 if failed else 0)


asyncio.run(main())
