"""The connection to Asterisk's manager interface: kept up, and watched."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import time
from collections.abc import Awaitable, Callable

_logger = logging.getLogger(__name__)
Message = dict[str, str]
PING_EVERY, ANSWER_WITHIN = 2.0, 10.0
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0
# Of a line, such as one with many channel variables.
LONGEST_LINE = 1 << 20


class AmiError(Exception):
    """Asterisk said no, or nothing."""


class Ami:
    """One connection at a time.

    :param on_event: called with each event
    :param on_up: awaited when Asterisk has booted and we are logged in: what happened before was not heard
    :param on_down: called when the connection has gone
    """

    def __init__(
        self,
        host: str,
        port: int,
        user: str,
        secret: str,
        on_event: Callable[[Message], None],
        on_up: Callable[[], Awaitable[None]],
        on_down: Callable[[], None],
    ) -> None:
        self._address, self._user, self._secret = (host, port), user, secret
        self._on_event, self._on_up, self._on_down = on_event, on_up, on_down
        self._writer: asyncio.StreamWriter | None = None
        self._numbers = itertools.count(1)
        self._waiting: dict[str, tuple[asyncio.Future[list[Message]], list[Message]]] = {}
        self.is_up = False
        #: When Asterisk said something last, in seconds since 1970.
        self.last_heard: float | None = None
        #: When the connection went, or when the last was heard of an Asterisk that went without a word.
        self.lost_at: float | None = None

    async def run(self) -> None:
        """Connect, again and again, until cancelled."""
        pause = FIRST_PAUSE
        while True:
            try:
                await self._connect()
                pause = FIRST_PAUSE
            except AmiError as error:
                _logger.error("Asterisk's manager: %s", error)
                pause = LONGEST_PAUSE
            except (OSError, EOFError, ValueError, asyncio.TimeoutError) as error:
                _logger.warning("no connection to Asterisk's manager: %s", error or type(error).__name__)
                self.lost_at = time.time() if isinstance(error, (EOFError, ConnectionError)) else self.last_heard
            self._forget()
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE, 2 * pause)

    async def ask(self, action: str, **fields: str) -> list[Message]:
        """Return the answer to an action, and the events of a list behind it.

        :raise AmiError: it was refused, or not answered
        """
        if not self._writer:
            raise AmiError("not connected")
        number = str(next(self._numbers))
        lines = {"Action": action, "ActionID": number, **fields}
        # A line's end in a value would begin another field.
        text = "".join(f"{name}: {' '.join(value.splitlines())}\r\n" for name, value in lines.items()) + "\r\n"
        future: asyncio.Future[list[Message]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = (future, [])
        try:
            self._writer.write(text.encode())
            await self._writer.drain()
            found = await asyncio.wait_for(future, ANSWER_WITHIN)
        except (OSError, asyncio.TimeoutError) as error:
            raise AmiError(f"{action}: no answer") from error
        finally:
            self._waiting.pop(number, None)
        if found[0].get("Response") not in ("Success", "Goodbye"):
            raise AmiError(f"{action}: {found[0].get('Message')}")
        return found

    async def _connect(self) -> None:
        reader, self._writer = await asyncio.open_connection(*self._address, limit=LONGEST_LINE)
        await asyncio.wait_for(reader.readline(), ANSWER_WITHIN)
        listening = asyncio.ensure_future(self._listen(reader))
        try:
            login = asyncio.ensure_future(self._begin())
            done, _ = await asyncio.wait({listening, login}, return_when=asyncio.FIRST_COMPLETED)
            if login not in done:
                login.cancel()
                await listening
            await login
            pinging = asyncio.ensure_future(self._ping())
            try:
                await asyncio.wait({listening, pinging}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                pinging.cancel()
            for task in (listening, pinging):
                if task.done() and not task.cancelled():
                    task.result()
        finally:
            listening.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await listening

    async def _begin(self) -> None:
        await self.ask("Login", Username=self._user, Secret=self._secret)
        self.is_up = True
        await self._on_up()
        _logger.info("connected to Asterisk's manager")

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(PING_EVERY)
            await self.ask("Ping")

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        message: Message = {}
        while line := await reader.readline():
            name, colon, value = line.decode("utf-8", "replace").rstrip("\r\n").partition(":")
            if colon:
                message[name] = value.strip()
            elif not name and message:
                self.last_heard = time.time()
                self._take(message)
                message = {}
        raise EOFError("the connection was closed")

    def _take(self, message: Message) -> None:
        waiting = self._waiting.get(message.get("ActionID", ""))
        if not waiting:
            if "Event" in message:
                try:
                    self._on_event(message)
                except Exception:
                    # One event that cannot be read must not cost the connection.
                    _logger.exception("an event of Asterisk: %s", message.get("Event"))
            return
        future, found = waiting
        found.append(message)
        is_list = message.get("EventList") == "start"
        if not future.done() and ("Response" in message and not is_list or message.get("EventList") == "Complete"):
            future.set_result(found)

    def _forget(self) -> None:
        if self._writer:
            self._writer.close()
            self._writer = None
        for future, _found in self._waiting.values():
            if not future.done():
                future.set_exception(AmiError("the connection was lost"))
        if self.is_up:
            self.is_up = False
            self._on_down()
