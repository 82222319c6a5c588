"""The service: asks the wallet for the dialplan, keeps calls within what is held, and reports each once."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from call_wallet_client import (
    Authorization,
    CallWalletError,
    Client,
    RecordedCall,
    Recorder,
    RequestRefused,
    Unreachable,
)

from .agi import Dialogue, HungUp
from .ami import Ami, AmiError, Message
from .calls import Book, Call, write
from .cdr import CdrFile
from .config import Config

_logger = logging.getLogger(__name__)
T = TypeVar("T")
# Between two questions whether there are funds again.
ASK_AGAIN = 5.0
# Asterisk writes the records of one call one after another.
SETTLE = 0.3
# How long after its time a call is hung up that Asterisk has not cut, and one that nobody hears of is given up.
LATE, LOST = 0.5, 30.0
# A hold does not last so long without being extended.
EXPIRED = 4 * 3600
# Calls that were reported, so that a record of them which comes later is not a new call.
REMEMBERED = 10_000
# Answers to a question that makes no sense, such as one about a kind of call that there is not.
UNREADABLE = {400, 415, 422}
# Who was refused so, is refused also while the wallet does not answer.
LASTING = {"unknown_account", "closed", "not_set_up", "paused", "no_funds"}


class Service:
    """Use it as an asynchronous context."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._client = Client(config.url, config.key, config.database, timeout=10.0, patience=10.0)
        self._book = Book(config.state / "calls")
        # What the wallet may hold for calls that did not start, because its answer did not come.
        self._releases = Book(config.state / "releases")
        self._cdr = CdrFile(config.cdr_file, config.state / "cdr_mark.json") if config.cdr_file else None
        self._alive, self._refusals = config.state / "alive", config.state / "refused.json"
        self._ami = Ami(
            config.ami_host, config.ami_port, config.ami_user, config.ami_secret, self._hear, self._up, self._down
        )  # fmt: skip
        self._pool = ThreadPoolExecutor(64, "wallet")
        self._calls: dict[str, Call] = {}
        # Measured by a clock that nobody sets.
        self._clocks: dict[str, float] = {}
        self._asking: set[str] = set()
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self._ending: dict[str, asyncio.Task[None]] = {}
        self._others: set[asyncio.Task[None]] = set()
        self._done: OrderedDict[str, None] = OrderedDict()
        self._refused: dict[str, str] = {}
        self._last_seen: float | None = None

    # === ITS LIFE === #

    async def __aenter__(self) -> Service:
        self._recorder = Recorder(self._client, self.config.state / "spool", interval=0.5, on_answer=_tell_result)
        self._load()
        if self._cdr:
            self._cdr.begin()
        self._server = await asyncio.start_server(self._serve, self.config.agi_host, self.config.agi_port, backlog=1000)
        self._tasks = [asyncio.ensure_future(self._ami.run()), asyncio.ensure_future(self._tick())]
        _logger.info("ready; %s calls were in progress", len(self._calls))
        return self

    async def __aexit__(self, *_error: object) -> None:
        """Stop. Calls in progress go on as Asterisk has been told; the next service picks them up."""
        self._server.close()
        tasks = [*self._tasks, *self._others]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.get_running_loop().run_in_executor(None, self._recorder.close)
        self._pool.shutdown(wait=False, cancel_futures=True)
        if self._cdr:
            self._cdr.close()

    def _load(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._last_seen = self._alive.stat().st_mtime
        with contextlib.suppress(FileNotFoundError):
            self._refused = json.loads(self._refusals.read_text(encoding="utf-8"))
        for call in self._releases.calls():
            self._start(self._release(call))
        for call in self._book.calls():
            self._calls[call.ref] = call
            if call.ended:
                # It may have been handed over just before the end; reported again, it counts once.
                self._hand_over(call)

    async def _tick(self) -> None:
        """Look at the records and the clock, now and then."""
        while True:
            await asyncio.sleep(1.0)
            try:
                self._read_cdr()
                if self._calls and self._ami.is_up and self._ami.last_heard:
                    self._alive.touch()
                    os.utime(self._alive, (self._ami.last_heard, self._ami.last_heard))
                elif not self._ami.is_up:
                    self._give_up()
            except OSError:
                # The disk is full, say; what was not written is tried again.
                _logger.exception("not written")

    def _give_up(self) -> None:
        """End calls that nobody hears of, and whose time is long over: Asterisk has cut them, or is gone."""
        for call in list(self._calls.values()):
            if call.answered and self._left(call) < -LOST:
                self._end(call, self._last_seen)

    # === THE QUESTION === #

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        dialogue = Dialogue(reader, writer)
        try:
            await dialogue.begin()
            await self._answer(dialogue)
        except HungUp:
            if dialogue.facts:
                _logger.info("%s: hung up while it was asked about", dialogue.facts.get("agi_uniqueid"))
        except Exception:
            # The dialplan goes on without an answer, as it would without this service.
            _logger.exception("%s: not answered", dialogue.facts.get("agi_uniqueid"))
        finally:
            writer.close()

    async def _answer(self, dialogue: Dialogue) -> None:
        call = await self._described(dialogue)
        self._asking.add(call.ref)
        try:
            # On disk before the wallet holds anything for it.
            self._keep_book(call)
            code = await self._decide(call)
            if code == "ok":
                await dialogue.set("WALLET_SECONDS", f"{self.config.limit(call.max_seconds):g}")
                await dialogue.set("WALLET_CODE", code)
                await dialogue.set("WALLET_ALLOWED", "yes")
                return
            if not call.answered:
                self._forget(call)
            await dialogue.set("WALLET_CODE", code)
            await dialogue.set("WALLET_CAUSE", str(self.config.cause(code)))
            await dialogue.set("WALLET_SOUND", self.config.sound(code))
            await dialogue.set("WALLET_ALLOWED", "no")
        finally:
            self._asking.discard(call.ref)
            if call.ref in self._calls and not call.channels:
                self._end(call)

    async def _described(self, dialogue: Dialogue) -> Call:
        ref = dialogue.facts["agi_uniqueid"]
        if ref in self._calls:
            return self._calls[ref]
        get = dialogue.get
        return Call(
            ref=ref,
            account=await get("WALLET_ACCOUNT") or dialogue.facts.get("agi_accountcode", ""),
            call_type=await get("WALLET_TYPE") or "live",
            number=await get("WALLET_NUMBER") or dialogue.facts.get("agi_extension"),
            direction=await get("WALLET_DIRECTION") or None,
            campaign=await get("WALLET_CAMPAIGN") or None,
            manager=await get("WALLET_MANAGER") or None,
            application_ref=await get("WALLET_APPLICATION") or None,
        )

    async def _decide(self, call: Call) -> str:
        """Return ``ok`` or why the call does not start; set how long it may last."""
        try:
            found = await self._authorize(call, self.config.hold_seconds, self.config.patience)
        except RequestRefused as error:
            _logger.error("%s: the wallet refuses the question: %s", call.ref, error)
            # What it cannot read now it cannot charge afterwards. A wrong key or address is no fault of the call.
            return "unreachable" if error.status in UNREADABLE else self._unasked(call)
        except CallWalletError as error:
            _logger.warning("%s: %s", call.ref, error)
            return self._unasked(call)
        self._remember(call.account, found.code)
        if not found.allowed:
            _logger.info("%s: %s refused: %s", call.ref, call.account, found.code)
            return found.code
        self._take(call, found)
        _logger.info("%s: %s may call %s, held for %s s", call.ref, call.account, call.number, call.max_seconds)
        return "ok"

    def _unasked(self, call: Call) -> str:
        """Decide without the wallet."""
        if not self.config.open_seconds or call.account in self._refused:
            # The question may have been carried out all the same.
            self._releases.save(call)
            self._start(self._release(call))
            return self._refused.get(call.account) or "unreachable"
        call.max_seconds = max(call.max_seconds, self.config.open_seconds)
        self._keep_book(call)
        _logger.warning("%s: may last %s s without the wallet", call.ref, call.max_seconds)
        return "ok"

    async def _release(self, call: Call) -> None:
        """Give back what may be held, once the wallet answers; what is older has expired."""
        release = partial(self._client.release_hold, call.account, call.ref, patience=ASK_AGAIN)
        while time.time() < call.begun + EXPIRED:
            await asyncio.sleep(ASK_AGAIN)
            try:
                # Asked about again meanwhile, it holds for itself.
                if call.ref not in self._calls:
                    await self._work(release, ASK_AGAIN)
                break
            except CallWalletError as error:
                # That the wallet knows of no hold is as good.
                if isinstance(error, RequestRefused) and error.status in UNREADABLE:
                    break
                _logger.warning("%s: not released: %s", call.ref, error)
        self._releases.remove(call.ref)

    def _remember(self, account: str, code: str) -> None:
        if code in LASTING and self._refused.get(account) != code:
            self._refused[account] = code
        elif code == "ok" and account in self._refused:
            del self._refused[account]
        else:
            return
        write(self._refusals, self._refused)

    # === WHILE IT LASTS === #

    def _hear(self, event: Message) -> None:
        moment = float(event.get("Timestamp") or time.time())
        name = event["Event"]
        if name == "DialEnd":
            call = self._calls.get(event.get("Uniqueid", ""))
            if call and event.get("DialStatus") == "ANSWER":
                self._answered(call, moment, event.get("DestUniqueid"))
            elif call and not call.answered:
                call.dial_status = event.get("DialStatus")
                self._note(call)
        elif name == "Hangup":
            channel = event.get("Uniqueid", "")
            call = self._calls.get(channel) or next((one for one in self._calls.values() if one.peer == channel), None)
            if call and channel not in call.gone:
                call.gone.append(channel)
                call.over = moment
                self._note(call)
                if not call.channels and call.ref not in self._asking:
                    self._end(call)

    def _answered(self, call: Call, moment: float, peer: str | None) -> None:
        call.peer = peer or call.peer
        if call.answered is None:
            call.answered, self._clocks[call.ref] = moment, time.monotonic()
            _logger.info("%s: answered", call.ref)
        self._note(call)
        self._watch(call)

    def _watch(self, call: Call) -> None:
        if call.ref not in self._keepers:
            self._keepers[call.ref] = self._start(self._keep(call))

    async def _keep(self, call: Call) -> None:
        """Extend the call in time until it ends, and cut it in time."""
        await self._set_limit(call)
        before = min(self.config.extend_before, call.max_seconds / 2)
        wait = self._left(call) - before
        while True:
            await asyncio.sleep(max(0.05, min(wait, self._left(call))))
            if self._left(call) <= 0:
                break
            if not self._ami.is_up:
                # What Asterisk cannot be told, need not be held.
                wait = 1.0
                continue
            held = call.max_seconds
            await self._extend(call, held + self.config.hold_seconds)
            wait = self._left(call) - before if call.max_seconds > held else min(ASK_AGAIN, before / 3)
        # Asterisk cuts by itself; a channel may have been swapped for another that knows of no limit.
        await asyncio.sleep(LATE)
        while call.channels:
            await self._tell(call, "Hangup")
            await asyncio.sleep(1.0)

    async def _extend(self, call: Call, total_seconds: int) -> None:
        patience = max(0.1, min(self._left(call), self.config.patience))
        try:
            found = await (
                self._work(
                    partial(self._client.extend_hold, call.account, call.ref, total_seconds, patience=patience),
                    patience,
                )
                if call.is_held
                else self._authorize(call, total_seconds, patience)
            )
        except CallWalletError as error:
            _logger.warning("%s: not extended: %s", call.ref, error)
            return
        held = call.max_seconds
        if call.ref in self._calls and not call.ended and (found.allowed or call.is_held):
            self._take(call, found)
        if call.max_seconds > held:
            _logger.info("%s: extended to %s s", call.ref, call.max_seconds)
            await self._set_limit(call)

    def _take(self, call: Call, found: Authorization) -> None:
        # What was granted stays granted: an answer that grants nothing more does not shorten the call.
        call.is_held, call.max_seconds = True, max(call.max_seconds, found.max_seconds)
        self._note(call)

    async def _set_limit(self, call: Call) -> None:
        # Zero would take the limit away.
        await self._tell(call, "AbsoluteTimeout", Timeout=f"{max(0.05, self._left(call)):.3f}")

    async def _tell(self, call: Call, action: str, **fields: str) -> None:
        """Say something about both channels: either may be the one that stays, after a transfer."""
        for channel in call.channels:
            try:
                await self._ami.ask(action, Channel=channel, **fields)
            except AmiError as error:
                # It may have hung up in this moment, or Asterisk keeps the limit that it has.
                _logger.info("%s: %s", call.ref, error)

    def _left(self, call: Call) -> float:
        """Return the seconds until the call is cut."""
        clock = self._clocks.get(call.ref)
        lasted = time.monotonic() - clock if clock is not None else time.time() - (call.answered or time.time())
        return self.config.limit(call.max_seconds) - lasted

    # === ITS END === #

    def _end(self, call: Call, last_seen: float | None = None) -> None:
        if call.ref not in self._ending:
            self._ending[call.ref] = self._start(self._finish(call, last_seen))

    async def _finish(self, call: Call, last_seen: float | None) -> None:
        """Report the call, by Asterisk's own record where there is one in time."""
        keeper = self._keepers.pop(call.ref, None)
        if keeper:
            keeper.cancel()
        if self._cdr:
            deadline = time.monotonic() + self.config.cdr_wait
            self._read_cdr()
            while not call.rows and time.monotonic() < deadline:
                await asyncio.sleep(0.1)
                self._read_cdr()
            await asyncio.sleep(SETTLE)
            self._read_cdr()
        if call.answered and self._cdr and not call.rows:
            _logger.warning("%s: Asterisk wrote no record of it; its events tell how long it was", call.ref)
        call.ended = call.facts(last_seen)
        if call.max_seconds and call.overrun >= 1:
            _logger.error("%s: %.1f s longer than what is held", call.ref, call.overrun)
        while True:
            try:
                self._keep_book(call)
                self._hand_over(call)
                return
            except OSError:
                _logger.exception("%s: not written", call.ref)
                await asyncio.sleep(ASK_AGAIN)

    def _hand_over(self, call: Call) -> None:
        assert call.ended
        self._recorder.add(call.ended)
        _logger.info("%s: %s, %s s", call.ref, call.ended["status"], call.ended["duration_seconds"])
        self._forget(call)
        self._done.update(dict.fromkeys(one for one in (call.ref, call.peer) if one))
        while len(self._done) > REMEMBERED:
            self._done.popitem(last=False)

    def _read_cdr(self) -> None:
        if not self._cdr:
            return
        for row in self._cdr.read():
            self._take_row(row)
        self._cdr.save()

    def _take_row(self, row: dict[str, str]) -> None:
        channel, first = row["uniqueid"], row["linkedid"]
        if channel in self._done:
            return
        call = (
            self._calls.get(channel)
            or next((one for one in self._calls.values() if one.peer == channel), None)
            or self._calls.get(first)
        )
        if not call and row["account"] and row["dstchannel"] and first not in self._done:
            # The dialplan let it go out while this service was away.
            call = Call(
                ref=channel, account=row["account"], call_type=row["call_type"] or "live", number=row["number"] or None,
                direction=row["direction"] or None, campaign=row["campaign"] or None, manager=row["manager"] or None,
                application_ref=row["application_ref"] or None, begun=float(row["start"]),
            )  # fmt: skip
            self._note(call)
            self._end(call)
        if call and not call.ended and row not in call.rows:
            call.rows.append(row)
            self._note(call)

    # === ASTERISK COMES AND GOES === #

    def _down(self) -> None:
        self._last_seen = self._ami.lost_at
        _logger.warning("the connection to Asterisk's manager is lost")

    async def _up(self) -> None:
        """Compare the calls in progress with Asterisk's channels: what happened meanwhile was not heard."""
        found = await self._ami.ask("CoreShowChannels")
        channels = {one["Uniqueid"]: one for one in found if one.get("Event") == "CoreShowChannel"}
        for call in list(self._calls.values()):
            if call.ref in self._ending or call.ref in self._asking:
                continue
            call.gone += [one for one in call.channels if one not in channels]
            if call.channels:
                await self._pick_up(call, channels)
            else:
                self._end(call, self._last_seen)
        for channel in channels.keys() - self._calls.keys():
            await self._adopt(channel, channels)

    async def _pick_up(self, call: Call, channels: dict[str, Message]) -> None:
        """Go on with a call that is still there."""
        if call.ref in channels and not call.answered:
            call.max_seconds = call.max_seconds or int(float(await self._variable(call.ref, "WALLET_UNHELD") or 0))
            answered = float(await self._variable(call.ref, "CDR(answer,u)") or 0)
            peer = await self._variable(call.ref, "BRIDGEPEER")
            if answered and peer:
                call.answered = answered
                call.peer = next((one for one, about in channels.items() if about["Channel"] == peer), None)
        self._note(call)
        if call.answered:
            _logger.info("%s: picked up again", call.ref)
            self._watch(call)

    async def _adopt(self, channel: str, channels: dict[str, Message]) -> None:
        """Take over a call that the dialplan let go out while this service was away."""
        if channel in self._done or not await self._variable(channel, "WALLET_UNHELD"):
            return
        values = [await self._variable(channel, f"WALLET_{name}") for name in DESCRIBED]
        account, call_type, number, *others = values
        direction, campaign, manager, application_ref = (one or None for one in others)
        call = Call(
            ref=channel, account=account, call_type=call_type or "live", number=number or None, direction=direction,
            campaign=campaign, manager=manager, application_ref=application_ref,
        )  # fmt: skip
        await self._pick_up(call, channels)

    async def _variable(self, channel: str, name: str) -> str:
        try:
            [answer] = await self._ami.ask("Getvar", Channel=channel, Variable=name)
        except AmiError:
            return ""
        return answer.get("Value", "")

    # === SMALL THINGS === #

    def _keep_book(self, call: Call) -> None:
        self._calls[call.ref] = call
        self._book.save(call)

    def _note(self, call: Call) -> None:
        """Have what was heard of a call on disk, too; a full disk must not keep anybody from hearing of the rest."""
        try:
            self._keep_book(call)
        except OSError:
            _logger.exception("%s: not written", call.ref)

    def _forget(self, call: Call) -> None:
        self._book.remove(call.ref)
        for known in (self._calls, self._clocks, self._ending):
            known.pop(call.ref, None)

    async def _authorize(self, call: Call, seconds: int, patience: float) -> Authorization:
        return await self._work(
            partial(
                self._client.authorize_call, call.account, call.ref, call.call_type, call.number,
                expected_seconds=seconds, direction=call.direction, campaign=call.campaign, manager=call.manager,
                application_ref=call.application_ref, patience=patience,
            ),
            patience,
        )  # fmt: skip

    async def _work(self, work: Callable[[], T], patience: float) -> T:
        """Ask the wallet in a thread; no longer than a moment after its patience, however many ask."""
        future = asyncio.get_running_loop().run_in_executor(self._pool, work)
        try:
            return await asyncio.wait_for(future, patience + 1)
        except asyncio.TimeoutError:
            raise Unreachable(f"no answer within {patience + 1:g} s") from None

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        self._others.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._others.discard(task)
        if not task.cancelled() and task.exception():
            _logger.error("stopped working on a call", exc_info=task.exception())


def _tell_result(call: Mapping[str, Any], result: RecordedCall) -> None:
    if result.result in ("conflict", "rejected"):
        _logger.warning("%s: %s: %s", call["call_ref"], result.result, result.reason)
    else:
        # Exact amounts, and nothing of the customer's but the reference.
        told = (result.result, result.total_cost, result.currency, result.balance_after)
        _logger.info("%s: %s %s %s, balance %s", call["call_ref"], *told)


DESCRIBED = ("ACCOUNT", "TYPE", "NUMBER", "DIRECTION", "CAMPAIGN", "MANAGER", "APPLICATION")
