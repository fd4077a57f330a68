"""What Schemathesis cannot know from the document: times near now and names of time
zones, refusals that are about two parameters at once, and what the receipt of a batch
means.
"""

import json
import os
import pathlib
import re
import uuid
from datetime import datetime, timedelta, timezone

import schemathesis
from hypothesis import strategies as st
from schemathesis.openapi.checks import RejectedPositiveData
from schemathesis.specs.openapi.formats import get_default_format_strategies

NOW = datetime.now(timezone.utc).replace(microsecond=0)
usual = get_default_format_strategies()

# Any time would nearly always be far from all that is stored. Some still are.
lately = st.integers(0, 7 * 24 * 60).map(lambda minutes: NOW - timedelta(minutes=minutes))
schemathesis.openapi.format("date", lately.map(lambda at: at.date().isoformat()) | usual["date"])
schemathesis.openapi.format("date-time", lately.map(datetime.isoformat) | usual["date-time"])


def version_7(minutes, high, low):
    """A UUID that was made so many minutes ago."""
    millis = int((NOW - timedelta(minutes=minutes)).timestamp() * 1000)
    return str(uuid.UUID(int=millis << 80 | 7 << 76 | high << 64 | 0b10 << 62 | low))


# Nor would an id be one of these days, as those of AI requests have to be.
fresh = st.builds(version_7, st.integers(1, 6 * 24 * 60), st.integers(0, (1 << 12) - 1), st.integers(0, (1 << 62) - 1))
schemathesis.openapi.format("uuid", fresh | usual["uuid"])
zones = ["UTC", "Europe/Berlin", "asia/kathmandu", "America/New_York", "Pacific/Chatham"]
schemathesis.openapi.format("iana-time-zone", st.sampled_from(zones))

# A schema describes parameters one by one; these are about what several come to, or
# about what is stored.
TOGETHER = re.compile(
    r"the period ends \(.*\) before it begins|the period begins \(.*\) in the future| is out of range$"
    r"|^several sites have content at |^the period has more than \d+ (rows|hours)|^more than eight days back, users are known by UTC day only"
)


# What is stored, by what asks for it: half of what is asked for is there.
KNOWN = json.loads(pathlib.Path(os.environ["API_KNOWN"]).read_text())
WHOLE = re.compile(r"(-*[0-9A-Fa-f]){8,32}-*")


@schemathesis.hook
def map_query(context, query):
    question = context.operation.path.removeprefix("/api/v1/analytics/").split(".")[0]
    for name, known in KNOWN.get(question, {}).items():
        drawn = (query or {}).get(name)
        free = name != "id" or question in ("traces/show", "conversations/show")
        if isinstance(drawn, str) and len(drawn) % 2 == 0 and (free or WHOLE.fullmatch(drawn)):
            query[name] = known
    return query


@schemathesis.hook
def before_call(context, case, kwargs):
    """The edges of one parameter are tried beside the first value of all others: a period
    from `now` to now, the page after a row that is not there, the details of nothing. All
    of these would be refused, whatever is said of the parameter that is tried."""
    phase = getattr(case.meta, "phase", None)
    if phase is None or phase.name.value != "coverage" or not isinstance(case.query, dict):
        return
    tried = getattr(phase.data, "parameter", None)
    if tried != "since" and case.query.get("since") == "now":
        del case.query["since"]
    if tried != "before":
        case.query.pop("before", None)
    question = case.operation.path.removeprefix("/api/v1/analytics/").split(".")[0]
    for name, known in KNOWN.get(question, {}).items():
        if tried != name and isinstance(case.query.get(name), str):
            case.query[name] = known


@schemathesis.hook
def filter_failure(context, failure, case, response):
    if not isinstance(failure, RejectedPositiveData) or response.status_code != 400:
        return True
    return not TOGETHER.search(response.json()["error"]["message"])


def sent(body):
    """The events in a body."""
    if isinstance(body, dict) and isinstance(body.get("events"), list):
        return body["events"]
    return body if isinstance(body, list) else [body]


def beyond_schemas(line, event):
    """Whether an event was refused for what no schema can say, and is so."""
    field, reason = line.get("field"), line["reason"]
    if field == "id" and event["type"] == "request":
        id = uuid.UUID(event["id"])
        made = datetime.fromtimestamp((id.int >> 80) / 1000, timezone.utc) if id.version == 7 else None
        return made is None or not NOW - timedelta(days=7) < made < NOW + timedelta(minutes=5)
    # Lengths are counted in bytes here, in characters there.
    if most := re.search(r"at most (\d+) bytes long$|of 1 to (\d+) bytes", reason):
        most = int(most[1] or most[2])
        texts = [event[field]] if isinstance(event[field], str) else [text for tool in event[field] for text in tool.values()]
        return any(len(text) <= most < len(text.encode()) for text in texts)
    if reason == "is more than one request can use":
        usage = event["usage"]
        parts = [usage.get("tokens", {}), *(other["tokens"] for other in usage.get("other_models", []))]
        most = max(sum(sum(part.values()) for part in parts), sum(usage.get("calls", {}).values()))
        return most >= 1_000_000_000
    return False


@schemathesis.check
def receipts_of_events(ctx, response, case):
    """Each event of a batch is taken or refused by itself, in an answer that is 200: of
    what the document describes nothing is refused."""
    if case.operation.label != "POST /api/v1/events" or response.status_code != 200 or case.meta is None:
        return
    receipt = response.json()
    told = [line["result"] for line in receipt["results"]]
    counts = {"stored": receipt["stored"], "duplicate": receipt["duplicates"], "accepted": receipt["accepted"], "refused": receipt["refused"]}
    assert {word: told.count(word) for word in counts} == counts, receipt
    if case.meta.generation.mode.is_positive:
        lines = zip(receipt["results"], sent(case.body), strict=True)
        refused = [line for line, event in lines if line["result"] == "refused" and not beyond_schemas(line, event)]
        assert not refused, refused
