"""The official Python SDKs through the gateway: same answers, same errors, and
each request recorded once with the tokens the SDK reported and its exact cost.
"""

import csv
import os
import sys
import warnings
from pathlib import Path

from harness import Run, Usage

warnings.simplefilter("ignore", DeprecationWarning)

SONNET, GPT, FLASH = "claude-sonnet-4-6", "gpt-4o", "gemini-2.5-flash"
HELLO = [{"role": "user", "content": "hi"}]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
PARIS = '{"city": "Paris"}'

# The usage every ordinary call is answered with, in the provider's counting.
TOKENS = "in=1003,out=507,cache=401,reasoning=33"
SENT = Usage(input=602, output=507, cache_read=401, reasoning=33)


def mock(options):
    return {"extra_headers": {"x-mock": options}}


# Each API in its two forms: (way, options, extra arguments) → (value, usage).


def message(way, options, **more):
    ask = {"model": SONNET, "max_tokens": 64, "messages": HELLO} | more
    answer = way.anthropic.messages.create(**ask, **mock(options))
    return answer, Usage.anthropic(answer.usage)


def message_events(way, options, **more):
    ask = {"model": SONNET, "max_tokens": 64, "messages": HELLO} | more
    return list(way.anthropic.messages.create(**ask, stream=True, **mock(options))), None


def message_helper(way, options, **more):
    ask = {"model": SONNET, "max_tokens": 64, "messages": HELLO} | more
    with way.anthropic.messages.stream(**ask, **mock(options)) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    return [text, final], Usage.anthropic(final.usage)


def chat(way, options, **more):
    ask = {"model": GPT, "messages": HELLO} | more
    answer = way.openai.chat.completions.create(**ask, **mock(options))
    return answer, answer.usage and Usage.openai(answer.usage)


def chat_chunks(way, options, **more):
    ask = {"model": GPT, "messages": HELLO} | more
    chunks = list(way.openai.chat.completions.create(**ask, stream=True, **mock(options)))
    usages = [chunk.usage for chunk in chunks if chunk.usage]
    return chunks, Usage.openai(usages[-1]) if usages else None


def chat_with_usage(way, options, **more):
    return chat_chunks(way, options, stream_options={"include_usage": True}, **more)


def chat_helper(way, options, **more):
    ask = {"model": GPT, "messages": HELLO, "stream_options": {"include_usage": True}} | more
    with way.openai.chat.completions.stream(**ask, **mock(options)) as stream:
        final = stream.get_final_completion()
    return final, Usage.openai(final.usage)


def response(way, options, **more):
    ask = {"model": GPT, "input": "hi"} | more
    answer = way.openai.responses.create(**ask, **mock(options))
    return answer, answer.usage and Usage.openai(answer.usage)


def response_events(way, options, **more):
    ask = {"model": GPT, "input": "hi"} | more
    events = list(way.openai.responses.create(**ask, stream=True, **mock(options)))
    last = getattr(events[-1], "response", None) if events else None
    return events, last.usage and Usage.openai(last.usage) if last else None


def response_helper(way, options, **more):
    ask = {"model": GPT, "input": "hi"} | more
    with way.openai.responses.stream(**ask, **mock(options)) as stream:
        final = stream.get_final_response()
    return final, Usage.openai(final.usage)


def gemini_config(options, more):
    quiet = {"automatic_function_calling": {"disable": True}}
    return {"http_options": {"headers": {"x-mock": options}}} | quiet | more


def generate(way, options, **more):
    answer = way.gemini.models.generate_content(
        model=FLASH, contents="hi", config=gemini_config(options, more)
    )
    return answer, answer.usage_metadata and Usage.gemini(answer.usage_metadata)


def generate_chunks(way, options, **more):
    chunks = list(
        way.gemini.models.generate_content_stream(
            model=FLASH, contents="hi", config=gemini_config(options, more)
        )
    )
    usages = [chunk.usage_metadata for chunk in chunks if chunk.usage_metadata]
    return chunks, Usage.gemini(usages[-1]) if usages else None


PLAIN = {
    "messages": (message, "anthropic", SONNET),
    "chat_completions": (chat, "openai", GPT),
    "responses": (response, "openai", GPT),
    "generate_content": (generate, "gemini", FLASH),
}
STREAMED = {
    "messages": (message_events, "anthropic", SONNET),
    "chat_completions": (chat_with_usage, "openai", GPT),
    "responses": (response_events, "openai", GPT),
    "generate_content": (generate_chunks, "gemini", FLASH),
}


def row(api, provider, model, streamed, **more):
    return {
        "provider": provider,
        "api": api,
        "requested_model": model,
        "model": model,
        "streamed": streamed,
        "state": "completed",
        "http_status": 200,
        "cost": model,
    } | more


def sent(api):
    """What the mock said it used, in disjoint classes."""
    match api:
        case "messages":
            return Usage(1003, 507, 401, 0, 0, 33)
        case "generate_content":
            return Usage(602, 507 + 33, 401, 0, 0, 33)
        case _:
            return SENT


def answers(run):
    """Ordinary answers of every API and every helper."""
    for streamed, apis in ((False, PLAIN), (True, STREAMED)):
        for api, (call, provider, model) in apis.items():
            run.case(
                f"{api} streamed={streamed}",
                lambda way, call=call: call(way, TOKENS),
                row=row(api, provider, model, streamed, usage=sent(api)),
                verify=lambda seen, api=api: {"usage": seen.usage in (sent(api), None)},
            )
    run.case(
        "messages with cache writes",
        lambda way: message(way, "in=7,out=11,cache=13,write=17,write1h=19"),
        row=row("messages", "anthropic", SONNET, False),
        verify=lambda seen: {"usage": seen.usage == Usage(7, 11, 13, 17, 19)},
    )
    run.case(
        "messages.stream with cache writes",
        lambda way: message_helper(way, "in=7,out=11,cache=13,write=17,write1h=19,chunks=20"),
        row=row("messages", "anthropic", SONNET, True),
        verify=lambda seen: {"text": seen.value[0].endswith(" w19"), "usage": seen.usage.cache_write_1h == 19},
    )
    for name, call, api in (
        ("chat.completions.stream", chat_helper, "chat_completions"),
        ("responses.stream", response_helper, "responses"),
    ):
        run.case(
            name,
            lambda way, call=call: call(way, TOKENS + ",chunks=20"),
            row=row(api, "openai", GPT, True),
            verify=lambda seen: {"usage": seen.usage == SENT},
        )
    run.case(
        "chat stream that asks for no usage",
        lambda way: chat_chunks(way, TOKENS),
        row=row("chat_completions", "openai", GPT, True, usage=SENT),
        verify=lambda seen: {
            "no chunk without choices": all(chunk.choices for chunk in seen.value),
            "no usage": seen.usage is None,
        },
    )
    run.case(
        "a served model that is not the requested one",
        lambda way: chat(way, TOKENS + ",model=gpt-4o-2024-08-06"),
        row=row("chat_completions", "openai", GPT, False) | {"model": "gpt-4o-2024-08-06"},
    )
    run.case(
        "a model without a price",
        lambda way: chat(way, TOKENS, model="mock-in=9"),
        row=row("chat_completions", "openai", "mock-in=9", False, cost=None),
    )


def tools(run):
    """The model asks for a tool, plain and streamed."""
    anthropic_tools = {"tools": [{"name": "get_weather", "input_schema": SCHEMA}]}
    function = {"name": "get_weather", "parameters": SCHEMA}
    chat_tools = {"tools": [{"type": "function", "function": function}]}
    response_tools = {"tools": [{"type": "function", "strict": False, **function}]}
    gemini_tools = {"tools": [{"function_declarations": [function]}]}
    options = TOKENS + ",tool=get_weather"

    def uses_anthropic(seen):
        final = seen.value[1] if isinstance(seen.value, list) else seen.value
        return {"input": final.content[0].input == {"city": "Paris"}, "stop": final.stop_reason == "tool_use"}

    def uses_chat(seen):
        call = seen.value.choices[0].message.tool_calls[0].function
        return {"arguments": call.arguments == PARIS, "name": call.name == "get_weather"}

    def uses_responses(seen):
        return {"arguments": seen.value.output[0].arguments == PARIS}

    def uses_gemini(seen):
        last = seen.value[-1] if isinstance(seen.value, list) else seen.value
        return {"args": last.function_calls[0].args == {"city": "Paris"}}

    for name, call, more, api, provider, model, verify in (
        ("messages", message, anthropic_tools, "messages", "anthropic", SONNET, uses_anthropic),
        ("messages.stream", message_helper, anthropic_tools, "messages", "anthropic", SONNET, uses_anthropic),
        ("chat", chat, chat_tools, "chat_completions", "openai", GPT, uses_chat),
        ("chat.stream", chat_helper, chat_tools, "chat_completions", "openai", GPT, uses_chat),
        ("responses", response, response_tools, "responses", "openai", GPT, uses_responses),
        ("responses.stream", response_helper, response_tools, "responses", "openai", GPT, uses_responses),
        ("generate", generate, gemini_tools, "generate_content", "gemini", FLASH, uses_gemini),
        ("generate stream", generate_chunks, gemini_tools, "generate_content", "gemini", FLASH, uses_gemini),
    ):
        run.case(
            f"tool by {name}",
            lambda way, call=call, more=more: call(way, options, **more),
            row=row(api, provider, model, "stream" in name, usage=sent(api)),
            verify=verify,
        )


def embeddings(run):
    def openai_embeddings(way):
        answer = way.openai.embeddings.create(
            model="text-embedding-3-small", input=["a", "b"], **mock("in=77")
        )
        return answer, Usage.openai(answer.usage)

    def gemini_embeddings(way):
        answer = way.gemini.models.embed_content(
            model="gemini-embedding-001",
            contents=["a", "b"],
            config={"http_options": {"headers": {"x-mock": "in=78"}}},
        )
        return answer, Usage(input=78)

    run.case(
        "openai embeddings",
        openai_embeddings,
        row=row("embeddings", "openai", "text-embedding-3-small", False),
        verify=lambda seen: {"vectors": [e.embedding for e in seen.value.data] == [[0.5, -0.25]] * 2},
    )
    run.case(
        "gemini embeddings",
        gemini_embeddings,
        row=row("embed_content", "gemini", "gemini-embedding-001", False),
        verify=lambda seen: {"vectors": [e.values for e in seen.value.embeddings] == [[0.5, -0.25]] * 2},
    )


def side_endpoints(run):
    """Free calls leave no row; what is not metered passes all the same."""

    def count(way):
        answer = way.anthropic.messages.count_tokens(model=SONNET, messages=HELLO, **mock("in=77"))
        return answer, None

    run.case("count_tokens", count, row=False, verify=lambda seen: {"count": seen.value.input_tokens == 77})
    for name, call in (
        ("anthropic models", lambda way: (list(way.anthropic.models.list()), None)),
        ("openai models", lambda way: (list(way.openai.models.list()), None)),
        ("gemini models", lambda way: (list(way.gemini.models.list()), None)),
    ):
        run.case(name, call, row=False, verify=lambda seen: {"one model": len(seen.value) == 1})
    run.case(
        "openai images",
        lambda way: (way.openai.images.generate(model="gpt-image-1", prompt="hi"), None),
        verify=lambda seen: {"an image": bool(seen.value.data[0].b64_json)},
    )


def transport(run):
    """Bytes that come in unusual ways are still the same answer."""
    for options in ("split", "split=1,slow=1", "split=2,gzip", "gzip", "crlf", "bigevent", "length", "nofinalnl"):
        for api, (call, provider, model) in STREAMED.items():
            run.case(
                f"{api} stream {options}",
                lambda way, call=call, options=options: call(way, f"{TOKENS},{options}"),
                row=row(api, provider, model, True, usage=sent(api)),
            )
    for options in ("split=3,chunked", "gzip", "bigevent", "delay=50"):
        for api, (call, provider, model) in PLAIN.items():
            run.case(
                f"{api} plain {options}",
                lambda way, call=call, options=options: call(way, f"{TOKENS},{options}"),
                row=row(api, provider, model, False, usage=sent(api)),
                verify=lambda seen, api=api: {"usage": seen.usage == sent(api)},
            )


def errors(run):
    """The right exception class for every status, plain and streamed."""
    classes = {
        400: "BadRequestError",
        401: "AuthenticationError",
        403: "PermissionDeniedError",
        404: "NotFoundError",
        429: "RateLimitError",
        500: "InternalServerError",
        503: "InternalServerError|ServiceUnavailableError",
        529: "InternalServerError|OverloadedError",
    }
    for status, expected in classes.items():
        for streamed, apis in ((False, PLAIN), (True, STREAMED)):
            for api, (call, provider, model) in apis.items():
                gemini = "ClientError" if status < 500 else "ServerError"
                named = gemini if provider == "gemini" else expected
                run.case(
                    f"{api} streamed={streamed} {status}",
                    lambda way, call=call, status=status: call(way, f"status={status}"),
                    raises=f"({named}) {status}$",
                    row=row(api, provider, model, streamed, state="failed", http_status=status, cost=None),
                )


def faults(run):
    """What breaks on the way breaks in the same manner through the gateway."""
    for api, (call, provider, model) in STREAMED.items():
        failed = row(api, provider, model, True, state="failed")
        del failed["cost"]
        run.case(
            f"{api} error in the stream",
            lambda way, call=call: call(way, "midstream-error"),
            row=failed,
        )
        run.case(f"{api} broken events", lambda way, call=call: call(way, "badsse"))
        run.case(f"{api} stream cut in half", lambda way, call=call: call(way, "malformed"))
        run.case(
            f"{api} stream without usage",
            lambda way, call=call: call(way, "nousage"),
            row=row(api, provider, model, True, cost=None),
        )
        # A close reaches the client as a close, a reset perhaps as one.
        run.case(
            f"{api} stream closed early",
            lambda way, call=call: call(way, "close=400"),
            raises=".",
            row=failed,
        )
        run.case(f"{api} stream reset", lambda way, call=call: call(way, "cut=400"), any_error=True, row=failed)
    for api, (call, provider, model) in PLAIN.items():
        run.case(f"{api} malformed body", lambda way, call=call: call(way, "malformed"), raises=".")
        run.case(f"{api} body closed early", lambda way, call=call: call(way, "close=50"), any_error=True)
    timeouts(run)


def timeouts(run):
    """The client's own timeout, before the head and inside a stream."""
    for name, options, streamed in (("head", "hang-header", False), ("stream", "hang=300", True)):

        def hanging_message(way, options=options, streamed=streamed):
            client = way.anthropic.with_options(timeout=0.5)
            ask = {"model": SONNET, "max_tokens": 64, "messages": HELLO, "stream": streamed}
            answer = client.messages.create(**ask, **mock(options))
            return list(answer) if streamed else answer, None

        def hanging_chat(way, options=options, streamed=streamed):
            client = way.openai.with_options(timeout=0.5)
            ask = {"model": GPT, "messages": HELLO, "stream": streamed}
            answer = client.chat.completions.create(**ask, **mock(options))
            return list(answer) if streamed else answer, None

        run.case(f"messages hang in {name}", hanging_message, raises="Timeout")
        run.case(f"chat hangs in {name}", hanging_chat, raises="Timeout")


def recordings(run):
    """Every body recorded from the real providers."""
    folder = Path(os.environ["RECORDINGS"])
    calls = {
        ("anthropic", "messages", "no"): ("messages", message, "anthropic"),
        ("anthropic", "messages", "sse"): ("messages", message_helper, "anthropic"),
        ("openai", "chat", "no"): ("chat_completions", chat, "openai"),
        ("openai", "chat", "sse"): ("chat_completions", chat_with_usage, "openai"),
        ("openai", "responses", "no"): ("responses", response, "openai"),
        ("openai", "responses", "sse"): ("responses", response_events, "openai"),
        ("gemini", "generateContent", "no"): ("generate_content", generate, "gemini"),
        ("gemini", "streamGenerateContent", "sse"): ("generate_content", generate_chunks, "gemini"),
    }

    def embedding(way, options):
        answer = way.openai.embeddings.create(model="text-embedding-3-small", input="a", **mock(options))
        return answer, Usage.openai(answer.usage)

    calls["openai", "embeddings", "no"] = ("embeddings", embedding, "openai")
    csv.field_size_limit(1 << 24)
    with open(folder / "index.tsv", newline="") as index:
        for entry in csv.DictReader(index, delimiter="\t"):
            api, call, provider = calls[entry["provider"], entry["api"], entry["stream"]]
            expected = {"provider": provider, "api": api, "streamed": entry["stream"] == "sse"}
            if entry["http_status"]:
                expected["http_status"] = int(entry["http_status"])
                expected["state"] = "completed" if entry["http_status"] == "200" else "failed"
            # Other attempts and other models are billed beside the top level.
            if any(kind in entry["raw_usage"] for kind in ("compaction", "advisor", "fallback")):
                expected["usage"] = None
            run.case(
                f"recording {entry['file']}",
                lambda way, call=call, entry=entry: call(way, f"rec:{entry['file']}"),
                row=expected,
            )


def main():
    run = Run()
    for part in (answers, tools, embeddings, side_endpoints, transport, errors, faults, recordings):
        part(run)
    sys.exit(0 if run.finish() else 1)


main()
