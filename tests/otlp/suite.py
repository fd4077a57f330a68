"""Real exporters and OpenLLMetry's instrumentations against a running server.

Each case asks the mock provider, with the usage it is told to state, and looks for
the request that the exported span became: its tokens in disjoint classes and its
cost. Then the same through the gateway, which must count once, and out again, to a
second server.
"""

import base64
import json
import os
import subprocess
import sys
import time
import urllib.request
from decimal import Decimal

import anthropic
import openai
from google.protobuf import json_format
from opentelemetry import propagate, trace
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.anthropic import AnthropicInstrumentor
from opentelemetry.instrumentation.openai import OpenAIInstrumentor
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult

MOCK = os.environ["MOCK_URL"].rstrip("/")
SERVER = os.environ["SYSTEMPROMPT_URL"].rstrip("/")
NEXT = os.environ["NEXT_URL"].rstrip("/")
CLI = [os.environ["CLI"], "--storage", os.environ["STORAGE"]]
SONNET, GPT, EMBEDDING = "claude-sonnet-4-6", "gpt-4o", "text-embedding-3-small"
HELLO = [{"role": "user", "content": "hi"}]

# Billionths of a dollar per token.
RATES = {
    SONNET: {"input": 3000, "output": 15000, "cache_read": 300, "cache_write_5m": 3750},
    GPT: {"input": 2500, "output": 10000, "cache_read": 1250},
    EMBEDDING: {"input": 20},
}

# Exporters swallow failures: what the server answered is kept.
failures = []


class Exporter(OTLPSpanExporter):
    def export(self, spans):
        result = super().export(spans)
        if result is not SpanExportResult.SUCCESS:
            failures.append(f"{len(spans)} spans were not taken")
        return result


resource = Resource.create({"service.name": "otlp-suite"})
provider = TracerProvider(resource=resource)
exporter = Exporter(f"{SERVER}/v1/traces", compression=Compression.Gzip)
provider.add_span_processor(BatchSpanProcessor(exporter))
trace.set_tracer_provider(provider)
AnthropicInstrumentor().instrument(tracer_provider=provider)
OpenAIInstrumentor().instrument(tracer_provider=provider)
tracer = trace.get_tracer("suite")

direct_anthropic = anthropic.Anthropic(base_url=MOCK, api_key="k", max_retries=0)
direct_openai = openai.OpenAI(base_url=f"{MOCK}/v1", api_key="k", max_retries=0)
behind_anthropic = anthropic.Anthropic(base_url=f"{SERVER}/anthropic", api_key="k", max_retries=0)
behind_openai = openai.OpenAI(base_url=f"{SERVER}/openai/v1", api_key="k", max_retries=0)


def ask(question, server=SERVER):
    with urllib.request.urlopen(f"{server}/api/v1/analytics/{question}") as answer:
        return json.load(answer)


def stored(trace_id, settled=1.0, limit=15.0):
    """The requests of a trace, once their number has not changed for a while."""
    provider.force_flush()
    deadline, rows, since = time.time() + limit, [], time.time()
    while time.time() < deadline:
        found = ask(f"requests/list?trace={trace_id}&since=1h&limit=50")["rows"]
        if len(found) != len(rows):
            rows, since = found, time.time()
        elif rows and time.time() - since > settled:
            break
        time.sleep(0.1)
    return rows


def anthropic_message(client, options, headers, stream):
    call = {"model": SONNET, "max_tokens": 64, "messages": HELLO}
    headers = headers | {"x-mock": options}
    if not stream:
        return client.messages.create(**call, extra_headers=headers)
    return list(client.messages.create(**call, stream=True, extra_headers=headers))


def openai_chat(client, options, headers, stream):
    call = {"model": GPT, "messages": HELLO, "extra_headers": headers | {"x-mock": options}}
    if not stream:
        return client.chat.completions.create(**call)
    more = {"stream": True, "stream_options": {"include_usage": True}}
    return list(client.chat.completions.create(**call, **more))


def openai_response(client, options, headers, stream):
    headers = headers | {"x-mock": options}
    answer = client.responses.create(model=GPT, input="hi", extra_headers=headers, stream=stream)
    return list(answer) if stream else answer


def openai_embedding(client, options, headers, stream):
    headers = headers | {"x-mock": options}
    return client.embeddings.create(model=EMBEDDING, input="hi", extra_headers=headers)


# What the mock is told to state, and what that is in disjoint classes.
ANTHROPIC = ("in=1003,out=507,cache=401,write=89", {"input": 1003, "output": 507, "cache_read": 401, "cache_write_5m": 89})
OPENAI = ("in=1003,out=507,cache=401", {"input": 602, "output": 507, "cache_read": 401})
EMBED = ("in=11", {"input": 11})
CASES = [
    ("anthropic message", anthropic_message, direct_anthropic, behind_anthropic, ANTHROPIC, False),
    ("anthropic stream", anthropic_message, direct_anthropic, behind_anthropic, ANTHROPIC, True),
    ("openai chat", openai_chat, direct_openai, behind_openai, OPENAI, False),
    ("openai chat stream", openai_chat, direct_openai, behind_openai, OPENAI, True),
    ("openai response", openai_response, direct_openai, behind_openai, OPENAI, False),
    ("openai response stream", openai_response, direct_openai, behind_openai, OPENAI, True),
    ("openai embedding", openai_embedding, direct_openai, behind_openai, EMBED, False),
]


COLUMNS = {
    "input": "input_tokens",
    "output": "output_tokens",
    "cache_read": "cache_read_tokens",
    "cache_write_5m": "cache_write_tokens",
}


def compare(row, model, expected):
    """What is wrong with a row."""
    wrong = []
    found = {kind: row[column] or 0 for kind, column in COLUMNS.items()}
    # The list tells all input together.
    found["input"] -= found["cache_read"] + found["cache_write_5m"]
    for kind, got in found.items():
        want = expected.get(kind, 0)
        if got != want:
            wrong.append(f"{kind}: {got} instead of {want}")
    nanos = sum(count * RATES[model][kind] for kind, count in expected.items())
    if Decimal(row["cost"] or 0) != Decimal(nanos) / 10**9:
        wrong.append(f"cost: {row['cost']} instead of {Decimal(nanos) / 10**9}")
    return wrong


passed = failed = 0


def judge(name, wrong):
    global passed, failed
    if wrong:
        failed += 1
        print(f"FAILED {name}: {'; '.join(wrong)}")
    else:
        passed += 1
        print(f"ok {name}")


def case(name, call, client, options, stream, propagates):
    """Asks within a trace of its own; answers its id."""
    with tracer.start_as_current_span(name) as span:
        headers = {}
        if propagates:
            propagate.inject(headers)
        call(client, options, headers, stream)
        return f"{span.get_span_context().trace_id:032x}"


# What went through the gateway, by its trace.
gateway = {}
for name, call, direct, behind, (options, expected), stream in CASES:
    model = EMBEDDING if call is openai_embedding else SONNET if call is anthropic_message else GPT
    found = stored(case(name, call, direct, options, stream, False))
    # Anthropic's SDK exports a span of its own below OpenLLMetry's: one answer, one request, by
    # the span that ended first. (OpenLLMetry counts a token of streams twice; the SDK does not.)
    wrong = [f"{len(found)} requests instead of one"] if len(found) != 1 else compare(found[0], model, expected)
    judge(f"exported: {name}", wrong)
    # The gateway's request and the exported one are one. Without an id of the answer
    # (embeddings have none) nothing tells that.
    if call is openai_embedding:
        continue
    trace_id = case(name, call, behind, options, stream, True)
    found = stored(trace_id)
    gateway[trace_id] = (name, model, expected)
    wrong = [f"{len(found)} requests instead of one"] if len(found) != 1 else compare(found[0], model, expected)
    judge(f"through the gateway too: {name}", wrong)

# A tool by the conventions of MCP, its client's side.
with tracer.start_as_current_span("tools/call search", kind=trace.SpanKind.CLIENT) as span:
    span.set_attribute("mcp.method.name", "tools/call")
    span.set_attribute("gen_ai.tool.name", "search")
    span.set_attribute("server.address", "tools.example.com")
provider.force_flush()
deadline, rows = time.time() + 10, []
while time.time() < deadline and not rows:
    rows = [r for r in ask("tools/list?since=1h")["rows"] if r["server"] == "tools.example.com"]
    time.sleep(0.1)
judge("a tool call over MCP", [] if rows else ["it is not listed"])

# An event as Claude Code sends it, through the SDK's exporter of logs.
logs = LoggerProvider(resource=Resource.create({"service.name": "claude-code"}))
logs.add_log_record_processor(SimpleLogRecordProcessor(OTLPLogExporter(f"{SERVER}/v1/logs")))
logs.get_logger("com.anthropic.claude_code.events").emit(
    LogRecord(
        timestamp=time.time_ns(),
        severity_number=SeverityNumber.INFO,
        body="claude_code.api_request",
        attributes={
            "event.name": "api_request",
            "model": SONNET,
            "input_tokens": "10",
            "output_tokens": "20",
            "cache_read_tokens": "3000",
            "cache_creation_tokens": "400",
            "duration_ms": "900",
            "session.id": "suite",
        },
    )
)
logs.force_flush()
deadline, rows = time.time() + 10, []
while time.time() < deadline and not rows:
    rows = ask("requests/list?since=1h&agent=claude-code")["rows"]
    time.sleep(0.1)
claude = {"input": 10, "output": 20, "cache_read": 3000, "cache_write_5m": 400}
judge("an event of Claude Code", compare(rows[0], SONNET, claude) if rows else ["it is not listed"])

# Metrics are taken, so that exporters are content.
reader = PeriodicExportingMetricReader(OTLPMetricExporter(f"{SERVER}/v1/metrics"))
meters = MeterProvider(metric_readers=[reader])
meters.get_meter("suite").create_counter("gen_ai.client.token.usage").add(1)
judge("metrics", [] if meters.force_flush() else ["the exporter failed"])
judge("every export was taken", failures)

# Out again: what the command line writes is what OpenTelemetry's own messages say, with
# nothing that they do not know, and a second server that is sent it has the same.
def binary(ids):
    """Protobuf's JSON has bytes in base64 where OTLP's has hexadecimal digits."""
    for key in ("traceId", "spanId", "parentSpanId"):
        if key in ids:
            ids[key] = base64.b64encode(bytes.fromhex(ids[key])).decode()
    return ids


for trace_id, (name, model, expected) in gateway.items():
    written = subprocess.run(
        [*CLI, "infra", "logs", "trace", "show", trace_id, "--otlp"], check=True, capture_output=True
    ).stdout
    message = json_format.Parse(json.dumps(json.loads(written, object_hook=binary)), ExportTraceServiceRequest())
    spans = [span for of in message.resource_spans for of in of.scope_spans for span in of.spans]
    wrong = [] if [span.trace_id.hex() for span in spans] == [trace_id] else [f"{len(spans)} spans"]
    values = {one.key: one.value for one in spans[0].attributes}
    inclusive = sum(expected.get(kind, 0) for kind in ("input", "cache_read", "cache_write_5m"))
    if (got := values["gen_ai.usage.input_tokens"].int_value) != inclusive:
        wrong.append(f"input: {got} instead of {inclusive}")
    if (got := values["gen_ai.usage.output_tokens"].int_value) != expected["output"]:
        wrong.append(f"output: {got} instead of {expected['output']}")
    if (got := values["gen_ai.request.model"].string_value) != model:
        wrong.append(f"model: {got} instead of {model}")
    if not 0 < spans[0].start_time_unix_nano < spans[0].end_time_unix_nano:
        wrong.append("it takes no time")
    for kind, body in (("application/json", written), ("application/x-protobuf", message.SerializeToString())):
        with urllib.request.urlopen(
            urllib.request.Request(f"{NEXT}/v1/traces", body, {"content-type": kind})
        ) as answer:
            if answer.read() not in (b"", b"{}"):
                wrong.append(f"{kind}: not all was taken")
    deadline, rows = time.time() + 15, []
    while time.time() < deadline and not rows:
        rows = ask(f"requests/list?trace={trace_id}&since=1h", NEXT)["rows"]
        time.sleep(0.1)
    wrong += compare(rows[0], model, expected) if len(rows) == 1 else [f"{len(rows)} requests instead of one"]
    judge(f"out again: {name}", wrong)

provider.shutdown()
print(f"otlp: {passed} passed, {failed} failed")
sys.exit(1 if failed else 0)
