"""sqlmap against every text that a question takes, and against the other ways in: bodies,
paths, the headers of visitors, the form that lets people in. It has to find nothing, and
to get through.

Each target has so many seconds (DEEP_SECONDS, 300 if absent). DEEP_ONLY, a regular
expression, picks some of the targets.
"""

import http.server
import json
import os
import pathlib
import random
import re
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

SERVER = os.environ["SYSTEMPROMPT_URL"].rstrip("/")
TOKEN = os.environ["SYSTEMPROMPT_TOKEN"]
SQLMAP = os.environ["SQLMAP"]
SECONDS = int(os.environ.get("DEEP_SECONDS", "300"))
ASK = "/api/v1/analytics/"
KNOWN = json.loads(pathlib.Path(os.environ["API_KNOWN"]).read_text())
# How many are tried at the same time.
WORKERS = 2

TODAY = datetime.now(timezone.utc).date()

# What is there, so that answers have rows: a condition that is let in shows by those that
# are missing. The period is whole days, so that nothing else changes from answer to answer.
VALUES = {
    "since": str(TODAY - timedelta(days=1)),
    "until": str(TODAY + timedelta(days=1)),
    "model": "claude-haiku-4-5",
    "provider": "anthropic",
    "agent": "scout-0",
    "user": "ada@example.com",
    "state": "completed",
    "server": "docs",
    "tool": "search",
    "class": "all",
    "site": "example.com",
    "entity_type": "skill",
    "event": "file_accessed",
    "alert": "daily_cost",
}
CATEGORIES = {"activity": "skill_usage", "audit": "data_access"}
# Their rows have no name beside which others could be missing.
ALONE = {"trace", "conversation", "before"}

# The other ways in: a path with the parameters that are tried, and a body where there is
# one. A star stands behind what is tried of a path.
OTHERS = [
    ("GET", f"{ASK}traffic/pages.csv?site=example.com&class=all", None),
    ("GET", "/api/v1/files/reports/traffic-2026-11-28.md*", None),
    ("POST", "/api/v1/content", {"url": "https://example.com/guide", "title": "Guide", "kind": "docs"}),
    ("DELETE", "/api/v1/content", {"site": "example.com", "path": "/nowhere"}),
    ("POST", "/api/v1/events", {"type": "activity", "category": "login", "action": "succeeded", "entity_name": "e",
                                "user": "ada", "agent": "a", "session_id": "s", "metadata": {"key": "value"}}),
    ("POST", "/api/v1/events", {"type": "request", "provider": "anthropic", "api": "messages", "state": "completed",
                                "requested_model": "m", "session_id": "s", "conversation_id": "c", "user": "ada"}),
    ("POST", "/api/v1/events", {"type": "tool_call", "server": "docs", "tool": "search", "status": "success",
                                "latency_us": 1, "agent": "a", "call_id": "c", "error_type": "e"}),
    ("POST", "/api/v1/events", {"type": "page_request", "site": "example.com", "target": "/guide", "status": 200,
                                "referrer": "https://example.org/", "user_agent": "GPTBot/1.2", "language": "en"}),
    ("GET", "/px.gif?u=https://example.com/guide&r=https://example.org/&t=Guide", None),
    ("POST", "/admin/login", "name=ada@example.com&password=secret"),
]


def ask(path):
    request = urllib.request.Request(SERVER + path, headers={"x-systemprompt-token": TOKEN})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as refused:
        sys.exit(f"{path}: {refused.read().decode()}")


def value(question, parameter):
    """What is tried of a parameter; nothing of what is no text."""
    schema, name = parameter["schema"], parameter["name"]
    if '"string"' not in json.dumps(schema):
        return None
    known = KNOWN.get(question, {}).get(name) or VALUES.get(name)
    if name == "category":
        known = CATEGORIES[question.split("/")[0]]
    if name == "trace":
        known = KNOWN["traces/show"]["id"]
    if name == "conversation":
        known = KNOWN["conversations/show"]["id"]
    choices = schema.get("enum") or [schema.get("default") or known]
    return known or choices[0]


def questions():
    """Every question with all the texts that it takes."""
    for path, operations in ask("/api/v1/openapi.json")["paths"].items():
        if not path.startswith(ASK) or re.search(r"\.(csv|json)$", path):
            continue
        question = path.removeprefix(ASK)
        parameters = operations["get"].get("parameters", [])
        texts = {parameter["name"]: value(question, parameter) for parameter in parameters}
        texts = {name: text for name, text in texts.items() if text is not None}
        together = {name: text for name, text in texts.items() if name not in ALONE}
        for tried in [together, *({name: texts[name]} for name in sorted(ALONE & texts.keys()))]:
            if tried:
                asked = f"{path}?{urllib.parse.urlencode(tried)}"
                # Where nothing is found without it, nothing can be missing with it.
                rows = len(ask(asked)["rows"])
                yield "GET", asked, None, f"{rows} rows"


class Crowd(http.server.BaseHTTPRequestHandler):
    """Passes requests on, each as somebody else's: guessing is slowed down by network."""

    protocol_version = "HTTP/1.1"

    def pass_on(self):
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length) or None
        skipped = ("connection", "content-length", "accept-encoding")
        headers = {name: value for name, value in self.headers.items() if name.lower() not in skipped}
        headers["x-forwarded-for"] = ".".join(str(random.randrange(1, 224)) for _ in range(4))
        request = urllib.request.Request(SERVER + self.path, body, headers, method=self.command)
        try:
            answer = opener.open(request, timeout=30)
        except urllib.error.HTTPError as refused:
            answer = refused
        content = answer.read()
        self.send_response(answer.status)
        self.send_header("content-type", answer.headers.get("content-type") or "text/plain")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = pass_on

    def log_message(self, *_):
        pass


class Careless(http.server.BaseHTTPRequestHandler):
    """Has the fault that is looked for: who does not find it here would find it nowhere."""

    def do_GET(self):
        name = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)["model"][0]
        database = sqlite3.connect(":memory:")
        database.execute("create table usage as select 'gpt-4o' as model, 12 as cost")
        try:
            rows = database.execute(f"select model, cost from usage where model = '{name}'").fetchall()
            status, answer = 200, {"rows": [{"model": model, "cost": cost} for model, cost in rows]}
        except sqlite3.Error:
            status, answer = 400, {"error": {"message": "a question cannot be read"}}
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


opener = urllib.request.build_opener(Stay)


def serve(handler):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


through = serve(Crowd)

def attempt(target):
    """What sqlmap says of a target: where, its verdict, how much it tried, its last words."""
    method, path, body, note = target
    base = through if path.startswith("/admin") else SERVER
    if path.startswith("http:"):
        base = ""
    headers = [f"x-systemprompt-token: {TOKEN}"]
    if path.startswith("/admin"):
        headers.append(f"origin: {through}")
    elif body:
        headers.append("content-type: application/json")
    with tempfile.TemporaryDirectory() as folder:
        command = [
            SQLMAP, "-u", base + path, "--method", method, "--batch", "--level", "3", "--risk", "2", "--dbms", "PostgreSQL",
            "--flush-session", "--disable-coloring", "--ignore-code", "*", "--output-dir", folder, "--headers", "\n".join(headers),
        ]
        # Who asks is stored of visitors alone.
        if not path.startswith("/px.gif"):
            command += ["--skip", "user-agent,referer"]
        if body:
            command += ["--data", body if isinstance(body, str) else json.dumps(body)]
        began = time.time()
        try:
            said = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, stdin=subprocess.DEVNULL).stdout
            verdict = "UNCLEAR"
            if "all tested parameters do not appear to be injectable" in said:
                verdict = "nothing"
            elif "identified the following injection point" in said:
                verdict = "FOUND"
        except subprocess.TimeoutExpired as late:
            said, verdict = (late.stdout or b"").decode(), "NOT THROUGH"
    # Answers that differ by themselves (a page is created once, then it is the same) look
    # suspicious until sqlmap asks again: its last word holds.
    suspected = re.findall(r"parameter '([^']+)' (?:is vulnerable|appears to be '.*' injectable)", said)
    if suspected and verdict == "nothing":
        note += f" (taken back: {', '.join(suspected)})"
    tested = re.findall(r"(?:parameter|URI parameter) '([^']+)' does not seem to be injectable", said)
    missed = urllib.parse.parse_qs(urllib.parse.urlsplit(path).query).keys() - {*tested}
    if missed and verdict == "nothing":
        verdict, note = "NOT ALL", f"without {', '.join(missed)}"
    place = f"{method} {path.split('?')[0]}"
    print(f"{place[:55]:55} {verdict:12} {time.time() - began:4.0f} s  {', '.join(tested)}; {note}", flush=True)
    return path, verdict, len(tested), said[-1500:]


if attempt(("GET", f"{serve(Careless)}/?model=gpt-4o", None, "where the fault is"))[1] != "FOUND":
    sys.exit("sqlmap does not find what is there")
targets = [*questions(), *((*target, "") for target in OTHERS)]
picked = [target for target in targets if re.search(os.environ.get("DEEP_ONLY", ""), target[1])]
with ThreadPoolExecutor(WORKERS) as workers:
    results = list(workers.map(attempt, picked))
wrong = [(path, verdict, said) for path, verdict, _, said in results if verdict != "nothing"]
tested = sum(count for _, _, count, _ in results)
print(f"{len(picked)} targets with {tested} parameters, {len(wrong)} with something to see")
for path, verdict, said in wrong:
    print(f"{verdict}: {path}\n  {said}")
sys.exit(1 if wrong else 0)
