"""A line between a client and a server on loopback that a test cuts and mends: a TCP proxy of a few lines."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator

CHUNK_BYTES = 1 << 16


class CutLine:
    """A proxy. While it is cut, lines that stood are broken, and new ones are refused at once."""

    def __init__(self, to_port: int) -> None:
        self._to_port, self._writers, self._is_cut = to_port, set[asyncio.StreamWriter](), False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = self._do(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port: int = self._server.sockets[0].getsockname()[1]

    def cut(self) -> None:
        """Break all lines, and refuse new ones."""
        self._is_cut = True
        self._do(self._break())

    def mend(self) -> None:
        """Let new lines through."""
        self._is_cut = False

    def close(self) -> None:
        """End the proxy."""
        self.cut()
        self._do(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work):  # type: ignore[no-untyped-def]  # any coroutine
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _stop(self) -> None:
        self._server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _break(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_cut:
            writer.transport.abort()
            return
        try:
            there, to_there = await asyncio.open_connection("127.0.0.1", self._to_port)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, to_there}
        with contextlib.suppress(asyncio.CancelledError):  # asyncio would print it
            await asyncio.gather(self._pass(reader, to_there), self._pass(there, writer))
        self._writers -= {writer, to_there}

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.CancelledError):
            while chunk := await reader.read(CHUNK_BYTES):
                writer.write(chunk)
                await writer.drain()
        writer.close()


@contextlib.contextmanager
def cut_line(to_port: int) -> Iterator[CutLine]:
    """Run a proxy to a port on loopback."""
    line = CutLine(to_port)
    try:
        yield line
    finally:
        line.close()
