"""What Schemathesis cannot know from the document: times near now and names of time
zones, refusals that are about two parameters at once, and what the receipt of a batch
means.
"""

import json
import os
import pathlib
import re
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
def filter_failure(context, failure, case, response):
    if not isinstance(failure, RejectedPositiveData) or response.status_code != 400:
        return True
    return not TOGETHER.search(response.json()["error"]["message"])


@schemathesis.check
def receipts_of_events(ctx, response, case):
    """Each event of a batch is taken or refused by itself, in an answer that is 200: of
    what the document describes nothing is refused."""
    if case.operation.label != "POST /api/v1/events" or response.status_code != 200 or case.meta is None:
        return
    receipt = response.json()
    told = [line["result"] for line in receipt["results"]]
    counts = {"stored": receipt["stored"], "duplicate": receipt["duplicates"], "refused": receipt["refused"]}
    assert {word: told.count(word) for word in counts} == counts, receipt
    # That the id of an AI request has to be made of a time of these days no schema can say.
    dated = lambda line: line.get("field") == "id" and "version 7 of the last seven days" in line["reason"]
    refused = [line for line in receipt["results"] if line["result"] == "refused" and not dated(line)]
    if case.meta.generation.mode.is_positive:
        assert not refused, receipt
