"""Both ways: straight to the mock provider and through the gateway.

A case is called with the SDKs of one way and gives back what the SDK returned.
`Run.case` calls it both ways and compares; `Run.finish` asks the gateway for
the requests it recorded and compares those with what the SDKs reported.
"""

import json
import os
import re
import time
import urllib.request
import uuid
from dataclasses import dataclass, field
from decimal import Decimal

import anthropic
import openai
from google import genai

MOCK = os.environ["MOCK_URL"].rstrip("/")
GATEWAY = os.environ.get("SYSTEMPROMPT_URL", MOCK).rstrip("/")
METERED = GATEWAY != MOCK

# Long enough for a busy machine, short for the cases that wait for it.
TIMEOUT = 10.0

# Billionths of a dollar per token.
RATES = {
    "claude-sonnet-4-6": {
        "input": 3000,
        "output": 15000,
        "cache_read": 300,
        "cache_write_5m": 3750,
        "cache_write_1h": 6000,
    },
    "gpt-4o": {"input": 2500, "output": 10000, "cache_read": 1250},
    "text-embedding-3-small": {"input": 20},
    "gemini-2.5-flash": {"input": 300, "output": 2500, "cache_read": 30},
    "gemini-embedding-001": {"input": 150},
}


@dataclass
class Usage:
    """Tokens in disjoint classes, but for `reasoning`: a part of `output`."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    reasoning: int = 0

    @classmethod
    def anthropic(cls, usage):
        """From a usage object; `input_tokens` excludes the cache."""
        written = usage.cache_creation_input_tokens or 0
        hour = usage.cache_creation.ephemeral_1h_input_tokens if usage.cache_creation else 0
        details = getattr(usage, "output_tokens_details", None)
        return cls(
            usage.input_tokens,
            usage.output_tokens,
            usage.cache_read_input_tokens or 0,
            written - hour,
            hour,
            (details.thinking_tokens or 0) if details else 0,
        )

    @classmethod
    def openai(cls, usage):
        """From Chat, Responses or Embeddings; the cache is part of the input."""
        responses = hasattr(usage, "input_tokens")
        total = usage.input_tokens if responses else usage.prompt_tokens
        output = usage.output_tokens if responses else getattr(usage, "completion_tokens", 0)
        inputs = getattr(usage, "input_tokens_details" if responses else "prompt_tokens_details", None)
        outputs = getattr(usage, "output_tokens_details" if responses else "completion_tokens_details", None)
        read = getattr(inputs, "cached_tokens", 0) or 0
        write = getattr(inputs, "cache_write_tokens", 0) or 0
        reasoning = getattr(outputs, "reasoning_tokens", 0) or 0
        return cls(total - read - write, output, read, write, 0, reasoning)

    @classmethod
    def gemini(cls, usage):
        """From usage metadata; thoughts are billed beside the candidates."""
        read = usage.cached_content_token_count or 0
        thoughts = usage.thoughts_token_count or 0
        output = (usage.candidates_token_count or 0) + thoughts
        tools = usage.tool_use_prompt_token_count or 0
        return cls((usage.prompt_token_count or 0) - read + tools, output, read, 0, 0, thoughts)

    def cost(self, model):
        """The exact cost in dollars, as the gateway writes it."""
        nanos = sum(getattr(self, name) * rate for name, rate in RATES[model].items())
        return f"{(Decimal(nanos) / 10**9).normalize():f}"

    def row(self):
        """The token fields of a recorded request: both sides with all their parts."""
        writes = self.cache_write_5m + self.cache_write_1h
        return {
            "input_tokens": self.input + self.cache_read + writes,
            "output_tokens": self.output,
            "cache_read_tokens": self.cache_read,
            "cache_write_tokens": writes,
            "reasoning_tokens": self.reasoning,
        }


@dataclass
class Seen:
    """What one way gave."""

    value: object = None
    usage: Usage | None = None
    error: str | None = None
    request_id: str | None = None

    def comparable(self):
        """The value without what differs from call to call."""
        text = json.dumps(self.value, default=plain, sort_keys=True)
        return re.sub(r'mock_\d+|"created(_at)?": [\d.]+', "*", text)


def plain(value):
    """SDK objects as JSON; the HTTP head is compared by the gateway's own tests."""
    return value.model_dump(mode="json", exclude={"sdk_http_response"}, warnings=False)


class Way:
    """The three SDKs against one host, without retries."""

    def __init__(self, anthropic_url, openai_url, gemini_url, session):
        self.request_ids = []
        headers = {"x-systemprompt-session": session}
        hooks = {"response": [self.note]}
        common = {"api_key": "dummy", "max_retries": 0, "timeout": TIMEOUT, "default_headers": headers}
        self.anthropic = anthropic.Anthropic(
            base_url=anthropic_url,
            http_client=anthropic.DefaultHttpxClient(event_hooks=hooks),
            **common,
        )
        self.openai = openai.OpenAI(
            base_url=openai_url,
            http_client=openai.DefaultHttpxClient(event_hooks=hooks),
            **common,
        )
        self.gemini = genai.Client(
            api_key="dummy",
            http_options={
                "base_url": gemini_url,
                "headers": headers,
                "timeout": int(TIMEOUT * 1000),
                "client_args": {"event_hooks": hooks},
                "retry_options": {"attempts": 1},
            },
        )

    def note(self, response):
        self.request_ids.append(response.headers.get("x-systemprompt-request-id"))

    def see(self, call):
        self.request_ids.clear()
        seen = Seen()
        try:
            seen.value, seen.usage = call(self)
        except Exception as error:  # the exception's class is what is tested
            status = getattr(error, "status_code", None) or getattr(error, "code", None)
            seen.error = f"{type(error).__module__.split('.')[0]}.{type(error).__name__}"
            seen.error += f" {status}" if isinstance(status, int) else ""
        seen.request_id = self.request_ids[0] if self.request_ids else None
        return seen


@dataclass
class Run:
    """The cases so far and the rows they must have left."""

    session: str = field(default_factory=lambda: f"sdk-{uuid.uuid4()}")
    passed: int = 0
    failed: int = 0
    rows: dict = field(default_factory=dict)
    free: dict = field(default_factory=dict)
    request_ids: set = field(default_factory=set)
    headless: int = 0

    def __post_init__(self):
        self.straight = Way(MOCK, f"{MOCK}/v1", MOCK, self.session)
        self.through = Way(f"{GATEWAY}/anthropic", f"{GATEWAY}/openai/v1", f"{GATEWAY}/gemini", self.session)

    def case(self, name, call, *, row=None, raises=None, verify=None, any_error=False):
        """Calls both ways and compares.

        `row`: fields the recorded request must have; `False`: none may be
        recorded; `None`: not looked at. `usage` in it overrides what the SDK
        reported, `cost` may name a model. `any_error`: the ways may fail
        differently, but both must fail.
        """
        straight = self.straight.see(call)
        seen = self.through.see(call) if METERED else straight
        problems = []
        if any_error:
            problems += [f"no error {way}" for way, s in (("straight", straight), ("through", seen)) if not s.error]
        elif straight.error != seen.error:
            problems.append(f"straight {straight.error}, through {seen.error}")
        elif straight.comparable() != seen.comparable():
            problems.append(f"straight {straight.comparable()[:600]}\n  through {seen.comparable()[:600]}")
        if raises and not re.search(raises, straight.error or ""):
            problems.append(f"raised {straight.error}, not {raises}")
        if not raises and not any_error and straight.error and verify:
            problems.append(f"raised {straight.error}")
        if verify and not straight.error:
            problems += [f"not so: {text}" for text, holds in verify(straight).items() if not holds]
        if METERED:
            problems += self.expect_row(name, row, seen)
        self.report(name, problems)

    def expect_row(self, name, row, seen):
        request_id = seen.request_id
        if not request_id:
            # The client left before the head; what passes freely has no id.
            self.headless += row is None
            return ["no x-systemprompt-request-id"] if row else []
        if request_id in self.request_ids:
            return [f"the request id {request_id} came twice"]
        self.request_ids.add(request_id)
        if row is False:
            self.free[request_id] = name
        elif row is not None:
            self.rows[request_id] = (name, row, seen.usage)
        return []

    def report(self, name, problems):
        if problems:
            self.failed += 1
            print(f"FAILED {name}: " + "; ".join(problems))
        else:
            self.passed += 1

    def finish(self):
        """Compares the recorded requests and prints the summary."""
        if METERED:
            self.check_rows()
        print(f"python: {self.passed} passed, {self.failed} failed")
        return self.failed == 0

    def check_rows(self):
        try:
            recorded = recorded_of(self.session, self.rows)
        except OSError as error:
            self.report("the list of requests", [str(error)])
            return
        for request_id, (name, row, usage) in self.rows.items():
            found = [r for r in recorded if r["id"] == request_id]
            self.report(f"row of {name}", row_problems(found, row, usage))
        twice = len(recorded) - len({r["id"] for r in recorded})
        self.report("no row twice", [f"{twice} rows too many"] if twice else [])
        unknown = [r["id"] for r in recorded if r["id"] not in self.request_ids]
        self.report("no row without a call", unknown if len(unknown) > self.headless else [])
        billed = [self.free[r["id"]] for r in recorded if r["id"] in self.free]
        self.report("no row of a free call", billed)


def recorded_of(session, wanted):
    """The session's rows, once all that are wanted have ended, or after a while."""
    url = f"{GATEWAY}/api/v1/analytics/requests/list?limit=10000&since=1h"
    deadline = time.monotonic() + 20
    while True:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as response:
            rows = [r for r in json.load(response)["rows"] if r["session_id"] == session]
        ended = {r["id"] for r in rows if r["state"] not in ("started", "stale")}
        if wanted.keys() <= ended or time.monotonic() > deadline:
            return rows
        time.sleep(0.25)


def row_problems(found, row, usage):
    if len(found) != 1:
        return [f"{len(found)} rows"]
    expected = {key: value for key, value in row.items() if key not in ("usage", "cost")}
    usage = row.get("usage", usage)
    if usage:
        expected |= usage.row()
    if "cost" in row:
        priced = row["cost"] and usage
        expected["cost"] = usage.cost(row["cost"]) if priced else None
    return [
        f"{key} is {found[0].get(key)!r}, not {value!r}"
        for key, value in expected.items()
        if found[0].get(key) != value
    ]
