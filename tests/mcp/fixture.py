"""An MCP server on the official SDK, with the tools that the conformance suite asks
for and some that go wrong on purpose.

    fixture.py http PORT [SUFFIX]    over streamable HTTP, on loopback
    fixture.py stdio [SUFFIX]        on standard input and output

SUFFIX is added to the description of one tool, as a server does that changes what a
tool is said to be. Every tools/call that arrives is counted in the file CALLS, if
that variable names one.
"""

import asyncio
import base64
import os
import signal
import sys

import uvicorn
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.prompts.base import UserMessage
from mcp_types import (
    AudioContent,
    CallToolResult,
    EmbeddedResource,
    ImageContent,
    TextContent,
    TextResourceContents,
    ToolAnnotations,
)

# One red pixel, and a WAV without a sample.
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
WAV = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAAAAA=="

args = sys.argv[1:]
suffix = args[2] if args[0] == "http" and len(args) > 2 else args[1] if args[0] == "stdio" and len(args) > 1 else ""
server = MCPServer("fixture", version="1.0.0")


async def count(ctx, call_next):
    """Counts calls as they arrive: what the records are compared with."""
    if getattr(ctx, "method", None) == "tools/call" and os.environ.get("CALLS"):
        with open(os.environ["CALLS"], "a") as calls:
            calls.write("x")
    return await call_next(ctx)


server.middleware.append(count)


@server.tool(description="Answers with a text" + suffix)
def test_simple_text() -> str:
    return "This is a simple text response for testing."


@server.tool()
def test_image_content() -> list[ImageContent]:
    return [ImageContent(type="image", data=PNG, mime_type="image/png")]


@server.tool()
def test_audio_content() -> list[AudioContent]:
    return [AudioContent(type="audio", data=WAV, mime_type="audio/wav")]


@server.tool()
def test_embedded_resource() -> list[EmbeddedResource]:
    text = "This is an embedded resource content."
    return [
        EmbeddedResource(
            type="resource",
            resource=TextResourceContents(uri="test://embedded-resource", mime_type="text/plain", text=text),
        )
    ]


@server.tool()
def test_multiple_content_types() -> list[TextContent | ImageContent | EmbeddedResource]:
    resource = TextResourceContents(uri="test://mixed", mime_type="application/json", text='{"test":"data"}')
    return [
        TextContent(type="text", text="Multiple content types test:"),
        ImageContent(type="image", data=PNG, mime_type="image/png"),
        EmbeddedResource(type="resource", resource=resource),
    ]


@server.tool()
def test_error_handling() -> str:
    raise ValueError("This tool intentionally returns an error for testing")


@server.tool()
async def test_tool_with_progress(ctx: Context) -> str:
    for done in (0, 50, 100):
        await ctx.report_progress(done, 100)
        await asyncio.sleep(0.05)
    return "done"


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def echo(text: str = "") -> str:
    """Answers with what it was given."""
    return text


@server.tool()
def huge(size: int) -> CallToolResult:
    """Answers with so many bytes, every second character of two bytes."""
    return CallToolResult(content=[TextContent(type="text", text="aö" * (size // 3))])


@server.tool()
async def slow(seconds: float) -> str:
    """Takes its time."""
    await asyncio.sleep(seconds)
    return "late"


@server.tool()
async def die() -> str:
    """Ends the server in the middle of the call."""
    os.kill(os.getpid(), signal.SIGKILL)
    await asyncio.sleep(60)
    return "never"


@server.resource("test://static-text", mime_type="text/plain")
def static_text() -> str:
    return "This is the content of the static text resource."


@server.resource("test://static-binary", mime_type="image/png")
def static_binary() -> bytes:
    return base64.b64decode(PNG)


@server.resource("test://template/{id}/data", mime_type="application/json")
def template(id: str) -> str:
    return f'{{"id": "{id}", "templateTest": true}}'


@server.prompt()
def test_simple_prompt() -> str:
    return "This is a simple prompt for testing."


@server.prompt()
def test_prompt_with_arguments(arg1: str, arg2: str) -> str:
    return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"


@server.prompt()
def test_prompt_with_image() -> list[UserMessage]:
    return [UserMessage(ImageContent(type="image", data=PNG, mime_type="image/png")), UserMessage("What is this?")]


if __name__ == "__main__":
    if args[0] == "stdio":
        server.run("stdio")
    else:
        app = server.streamable_http_app()
        uvicorn.run(app, host="127.0.0.1", port=int(args[1]), log_level="error", timeout_graceful_shutdown=1)
