"""FastAGI: the dialplan's question, asked over a connection of its own."""

from __future__ import annotations

import asyncio
import re

ANSWER = re.compile(r"200 result=(-?\d+)(?: \((.*)\))?")
LONGEST = 30.0


class HungUp(Exception):
    """The channel is gone."""


class Dialogue:
    """One connection: what the channel said of itself, and its variables."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.facts: dict[str, str] = {}

    async def begin(self) -> None:
        """Read the facts that come first, such as ``agi_uniqueid``."""
        while line := (await self._line()).strip():
            name, _, value = line.partition(":")
            self.facts[name] = value.strip()

    async def get(self, name: str) -> str:
        """Return a variable of the channel; empty where there is none."""
        found = await self._ask(f"GET VARIABLE {name}")
        return found or ""

    async def set(self, name: str, value: str) -> None:
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        await self._ask(f'SET VARIABLE {name} "{" ".join(escaped.splitlines())}"')

    async def _ask(self, command: str) -> str | None:
        try:
            self._writer.write(f"{command}\n".encode())
            await self._writer.drain()
        except OSError as error:
            raise HungUp from error
        # A hang-up is told between the answers.
        while (line := await self._line()).strip() == "HANGUP":
            pass
        found = ANSWER.match(line)
        if not found:
            raise HungUp(line.strip())
        return found.group(2) if found.group(1) != "0" else None

    async def _line(self) -> str:
        try:
            line = await asyncio.wait_for(self._reader.readline(), LONGEST)
        except (OSError, ValueError, asyncio.TimeoutError) as error:
            raise HungUp from error
        if not line:
            raise HungUp
        return line.decode("utf-8", "replace")
