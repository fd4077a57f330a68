"""sqlmap against parameters that stand for all others: filters, ids, a search, orders,
cursors, times, bodies, and the form that lets people in. It has to find nothing.

Each target has so many seconds (DEEP_SECONDS, 120 if absent); one that is not through by
then is told as such. DEEP_ONLY, a regular expression, picks some of the targets.
"""

import http.server
import os
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

SERVER = os.environ["SYSTEMPROMPT_URL"].rstrip("/")
TOKEN = os.environ["SYSTEMPROMPT_TOKEN"]
SQLMAP = os.environ["SQLMAP"]
SECONDS = int(os.environ.get("DEEP_SECONDS", "120"))
ASK = "/api/v1/analytics"
ID = "01935e8d-7c2a-7bbb-8000-0123456789ab"

# A path with the parameters that are tried, and a body where there is one.
TARGETS = [
    (f"{ASK}/costs/breakdown?model=gpt-4o&agent=scout-0&user=ada", None),
    (f"{ASK}/costs/breakdown?by=agent&sort_by=cost&limit=20", None),
    (f"{ASK}/costs/trends?since=7d&until=now&timezone=UTC&group_by=day", None),
    (f"{ASK}/requests/list?state=completed&conversation=c-1&limit=5", None),
    (f"{ASK}/requests/list?trace={ID}&before={ID}", None),
    (f"{ASK}/requests/show?id={ID}", None),
    (f"{ASK}/traces/show?id=session-0", None),
    (f"{ASK}/agents/show?name=scout-0", None),
    (f"{ASK}/conversations/list?before=c-1&agent=scout-0", None),
    (f"{ASK}/tools/list?server=docs&tool=search&sort_by=avg-time", None),
    (f"{ASK}/audit/list?event=token_issued&user=ada&before=5", None),
    (f"{ASK}/content/show?content=/guide&site=example.com", None),
    (f"{ASK}/traffic/pages.csv?site=example.com&class=all", None),
    ("/api/v1/files/reports/traffic-2026-11-28.md*", None),
    ("/api/v1/content", '{"url": "https://example.com/guide", "title": "Guide", "kind": "docs"}'),
    ("/api/v1/events", '{"type": "activity", "category": "login", "action": "succeeded", "user": "ada", "agent": "a", "session_id": "s"}'),
    ("/px.gif?u=https://example.com/guide&r=https://example.org/&t=Guide", None),
    ("/admin/login", "name=ada@example.com&password=secret"),
]


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


class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


opener = urllib.request.build_opener(Stay)
crowd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Crowd)
threading.Thread(target=crowd.serve_forever, daemon=True).start()
through = f"http://127.0.0.1:{crowd.server_port}"

found, unfinished = [], []
picked = [target for target in TARGETS if re.search(os.environ.get("DEEP_ONLY", ""), target[0])]
for path, body in picked:
    base = through if path.startswith("/admin") else SERVER
    with tempfile.TemporaryDirectory() as folder:
        command = [
            SQLMAP, "-u", base + path, "--batch", "--level", "3", "--risk", "2", "--dbms", "PostgreSQL",
            "--flush-session", "--disable-coloring", "--ignore-code", "*", "--output-dir", folder,
        ]
        headers = [f"x-systemprompt-token: {TOKEN}"]
        # Who asks is stored of visitors alone.
        if not path.startswith("/px.gif"):
            command += ["--skip", "user-agent,referer"]
        if body:
            command += ["--data", body]
        if path.startswith("/admin"):
            headers.append(f"origin: {through}")
        elif body:
            headers.append("content-type: application/json")
        command += ["--headers", "\n".join(headers)]
        began = time.time()
        try:
            said = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, stdin=subprocess.DEVNULL).stdout
            through_all = "all tested parameters do not appear to be injectable" in said
        except subprocess.TimeoutExpired as late:
            said, through_all = (late.stdout or b"").decode(), None
    suspected = re.findall(r"^.*(?:is vulnerable|appears to be .* injectable|identified the following injection).*$", said, re.M)
    tested = re.findall(r"(?:parameter|URI parameter) '([^']+)' does not seem to be injectable", said)
    verdict = "nothing" if through_all else "not through" if through_all is None else "unclear"
    print(f"{path[:70]:70} {verdict:12} {time.time() - began:4.0f} s  {', '.join(tested)}", flush=True)
    if suspected or through_all is False:
        found.append((path, suspected or said[-1500:]))
    if through_all is None:
        unfinished.append(path)
print(f"{len(picked)} targets, {len(unfinished)} not through in time, {len(found)} with something to see")
for path, what in found:
    print(path, *([what] if isinstance(what, str) else what), sep="\n  ")
sys.exit(1 if found else 0)
