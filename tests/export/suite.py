"""Exports of a running server, read by DuckDB.

Requests of every kind go through the gateway: streamed or not, cached, without a
price, refused by the provider. Then each format is written and read back: types,
rows and sums must be the same in all of them, and those that the command line
answers.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from decimal import Decimal

import duckdb

SERVER = os.environ["SYSTEMPROMPT_URL"].rstrip("/")
CLI = [os.environ["CLI"], "--storage", os.environ["STORAGE"]]
HELLO = [{"role": "user", "content": "hi"}]
folder = pathlib.Path(tempfile.mkdtemp())
db = duckdb.connect()
db.execute("set timezone = 'UTC'")


def rows(query):
    return db.execute(query).fetchall()


passed = failed = 0


def judge(name, wrong):
    global passed, failed
    if wrong:
        failed += 1
        print(f"FAILED {name}: {wrong}")
    else:
        passed += 1
        print(f"ok {name}")


def equal(name, got, expected):
    judge(name, "" if got == expected else f"{got!r} instead of {expected!r}")


def run(*words, check=True):
    ended = subprocess.run([*CLI, *words], capture_output=True, check=False)
    if check and ended.returncode:
        raise SystemExit(f"{words}: {ended.stderr.decode()}")
    return ended


def ask(*words):
    return json.loads(run("analytics", *words, "--json").stdout)["rows"]


def post(path, body, **headers):
    headers = {"content-type": "application/json"} | {k.replace("_", "-"): v for k, v in headers.items()}
    request = urllib.request.Request(SERVER + path, json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request) as answer:
            answer.read()
    except urllib.error.HTTPError as error:
        error.read()


def send():
    """Twelve requests, and how many there are."""
    anthropic = lambda options, model="claude-sonnet-4-6", stream=False: post(
        "/anthropic/v1/messages",
        {"model": model, "max_tokens": 64, "messages": HELLO, "stream": stream},
        x_mock=options, x_api_key="k", x_systemprompt_conversation="c-1",
    )
    openai = lambda options, model="gpt-4o-mini", stream=False: post(
        "/openai/v1/chat/completions",
        {"model": model, "messages": HELLO, "stream": stream},
        x_mock=options, authorization="Bearer k",
    )
    # Odd counts of cheap tokens: costs have all nine places.
    for n in range(4):
        anthropic(f"in={1003 + n},out={507 - n},cache={401 + n},write={89 * n}", stream=n % 2 == 1)
        openai(f"in={7 + n},out={3 + n},cache={max(n, 1)}", stream=n % 2 == 0)
    anthropic("in=5,out=5", model="claude-of-tomorrow")
    anthropic("status=429")
    openai("status=500")
    post(
        "/gemini/v1beta/models/gemini-2.5-flash:generateContent",
        {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
        x_mock="in=1000,out=20,reasoning=7", x_goog_api_key="k",
    )
    now = time.time_ns()
    text = lambda key, value: {"key": key, "value": {"stringValue": value}}
    span = {
        "traceId": "4bf92f3577b34da6a3ce929d0e0e4736", "spanId": "00f067aa0ba902b7",
        "name": "execute_tool search", "kind": 1,
        "startTimeUnixNano": str(now - 250_000_000), "endTimeUnixNano": str(now),
        "attributes": [text("gen_ai.operation.name", "execute_tool"), text("gen_ai.tool.name", "search")],
    }
    post("/v1/traces", {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]})
    return 12


sent = send()
deadline = time.time() + 20
while (bill := ask("costs", "summary")[0])["requests"] < sent and time.time() < deadline:
    time.sleep(0.2)
equal("every request is counted", bill["requests"], sent)
judge("the bill has nine places", "" if -Decimal(bill["cost"]).as_tuple().exponent == 9 else bill["cost"])

# Which period it was must not change while it is exported.
PERIOD = ["--since", "24h", "--until", "2100-01-01"]
for ending in ["parquet", "csv", "jsonl"]:
    ended = run("export", "requests", str(folder / f"requests.{ending}"), *PERIOD)
    equal(f"{ending} is written", ended.stderr.decode(), f"Wrote {sent} rows to {folder / f'requests.{ending}'}.\n")

TYPES = {
    "id": "VARCHAR", "created_at": "TIMESTAMP WITH TIME ZONE", "finished_at": "TIMESTAMP WITH TIME ZONE",
    "streamed": "BOOLEAN", "http_status": "BIGINT", "input": "BIGINT", "cache_read": "BIGINT",
    "output": "BIGINT", "cost_usd": "DECIMAL(18,9)", "latency_us": "BIGINT", "response_bytes": "BIGINT",
}
parquet = f"'{folder}/requests.parquet'"
described = {name: kind for name, kind, *_ in rows(f"describe select * from {parquet}")}
for name, kind in TYPES.items():
    equal(f"the type of {name}", described.get(name), kind)
every = ", ".join(f"'{name}': '{kind}'" for name, kind in described.items())
SOURCES = {
    "parquet": f"(select * from {parquet})",
    # Text that is not there and text that is empty are one in CSV.
    "csv": f"read_csv('{folder}/requests.csv', header = true, columns = {{{every}}})",
    "jsonl": f"read_json('{folder}/requests.jsonl', format = 'newline_delimited', columns = {{{every}}})",
}

INPUT = "input + cache_read + cache_write_5m + cache_write_1h + audio_input + tool_input"
SUMS = {
    "requests": "count(*)",
    "cost": "sum(cost_usd)",
    "input_tokens": f"sum({INPUT})",
    "cache_read_tokens": "sum(cache_read)",
    "cache_write_5m_tokens": "sum(cache_write_5m)",
    "output_tokens": "sum(output + reasoning + audio_output)",
    "reasoning_tokens": "sum(reasoning)",
    "unpriced_requests": "count(*) filter (where usage_source <> 'none' and cost_usd is null)",
}
for ending, source in SOURCES.items():
    got = rows(f"select {', '.join(SUMS.values())} from {source}")[0]
    for name, value in zip(SUMS, got):
        equal(f"{ending}: {name}", Decimal(value), Decimal(bill[name]))
    by_model = {row["name"]: Decimal(row["cost"]) for row in ask("costs", "breakdown") if row["cost"] is not None}
    model = "coalesce(served_model, requested_model)"
    grouped = rows(f"select {model}, sum(cost_usd) from {source} group by 1 having sum(cost_usd) is not null")
    equal(f"{ending}: by model", dict(grouped), by_model)
for other in ["csv", "jsonl"]:
    for one, two in [("parquet", other), (other, "parquet")]:
        differ = rows(f"select * from {SOURCES[one]} except all select * from {SOURCES[two]}")
        equal(f"rows of {one} that {two} has not", differ, [])
nothing = rows(f"select count(*), count(cost_usd), count(served_model) from {parquet} where http_status = 429")
equal("what is not known is null", nothing[0], (1, 0, 0))
unpriced = rows(f"select cost_usd, output from {parquet} where requested_model = 'claude-of-tomorrow'")
equal("no price is no zero", unpriced, [(None, 5)])

# A pipe gets the same, and a name may say nothing.
piped = run("export", "requests", "--format", "parquet", *PERIOD).stdout
(folder / "piped").write_bytes(piped)
same = f"select count(*) from (select * from read_parquet('{folder}/piped') intersect select * from {parquet})"
equal("through a pipe", rows(same), [(sent,)])

# The others, and none of some.
tools = folder / "tools.parquet"
run("export", "tools", str(tools), *PERIOD)
equal("tools", rows(f"select tool, status, latency_us, via from '{tools}'"), [("search", "success", 250_000, "otlp")])
sessions = folder / "sessions.parquet"
run("export", "sessions", str(sessions), *PERIOD)
equal("no sessions", rows(f"select count(*) from '{sessions}'")[0], (0,))
audit = folder / "audit.parquet"
run("export", "audit", str(audit), *PERIOD)
exported = "select count(*) from '{}' where event = 'data_exported' and json_extract_string(detail, '$.of') = 'export {}'"
equal("exports in the audit trail", [rows(exported.format(audit, of))[0][0] for of in ["requests", "tools", "sessions"]], [4, 1, 1])
logs = folder / "logs.parquet"
run("infra", "logs", "export", str(logs), "--since", "24h")
equal("lines of servers", rows(f"select count(*) filter (where created_at is null) from '{logs}'")[0], (0,))

# A file is complete or absent.
(folder / "old.parquet").write_bytes(b"old")
broken = run("export", "requests", str(folder / "old.parquet"), "--since", "24h", "--set", "database.url=postgres://127.0.0.1:1/x", check=False)
equal("a failed export", (broken.returncode, (folder / "old.parquet").read_bytes()), (1, b"old"))
equal("nothing half done lies about", [p.name for p in folder.iterdir() if p.name.startswith(".")], [])

print(f"export: {passed} passed, {failed} failed")
sys.exit(1 if failed else 0)
