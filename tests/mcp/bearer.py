"""A loopback proxy that adds a bearer token: the conformance suite has no option for
headers. Host and Origin pass as they are.

    bearer.py LISTEN_PORT TARGET_PORT TOKEN
"""

import asyncio
import sys

listen, target, token = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]


async def pump(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def serve(reader, writer):
    """One request a connection, so that only its head has to be found."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head[:-4].split(b"\r\n")
        kept = [line for line in lines if not line.lower().startswith((b"connection:", b"authorization:"))]
        added = [b"Connection: close", b"Authorization: Bearer " + token.encode()]
        upstream, out = await asyncio.open_connection("127.0.0.1", target)
        out.write(b"\r\n".join(kept + added) + b"\r\n\r\n")
        await asyncio.gather(pump(reader, out), pump(upstream, writer))
    except (ConnectionError, asyncio.IncompleteReadError):
        writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", listen, limit=1 << 20)
    print("ready", flush=True)
    await server.serve_forever()


asyncio.run(main())
