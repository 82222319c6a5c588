"""The shape into which every source's messages are read, and what they are read from."""

import hmac
import math
from base64 import b64decode
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from odoo.tools.translate import LazyTranslate

from ..clock import FIRST_YEAR, LAST_YEAR
from ..fields import is_storable
from ..intake import MAX_TEXT, shown

_lt = LazyTranslate(__name__)

# Who logs in where we have made the secret.
USER = "wallet"
# Facts by which a call is reported; the others help to find these.
TIMES = ("started_at", "answered_at", "ended_at")
REPORTED = (
    "call_type", "direction", "number", "started_at", "duration_seconds", "status", "campaign", "application_ref",
    "manager",
)  # fmt: skip
# Who has logged in at a switch: a wallet's account reference where there is such a wallet, else one of the lines.
LOGIN = "login"
# What a platform may add to the address of a webhook, or to a provider's opaque field, for a call.
NAMED = ("account", "call_ref", "campaign", "application_ref", "manager")


class Unusable(Exception):
    """Nothing of a call can be read from this.

    :param sentence: lazily translated, for finance; names the field and the fix
    :param int line: of a file, counted from 1
    """

    def __init__(self, sentence, line=None):
        super().__init__(str(sentence))
        self.sentence = sentence
        self.line = line


class Received(NamedTuple):
    """A request as it came. ``url`` is the public address that the sender has called, query included.

    ``headers`` have their names in lower case. Times in it without an offset are in ``tz`` (tzinfo). ``at``
    (aware) is known when it is read, not when it is verified.
    """

    url: str
    headers: Mapping[str, str]
    body: bytes
    method: str = "POST"
    tz: Any = UTC
    at: datetime | None = None

    @property
    def query(self):
        """The parameters in the address; of a repeated one the last."""
        return dict(parse_qsl(urlsplit(self.url).query, keep_blank_values=True))

    @property
    def form(self):
        """The pairs of name and value of a form in the body, in order.

        :raise Unusable: the body is no text, or has too many fields
        """
        try:
            return parse_qsl(self.body.decode(), keep_blank_values=True, max_num_fields=200)
        except ValueError as error:  # UnicodeDecodeError is one
            raise Unusable(_lt("The body is not a form that can be read.")) from error


class CallEvent(NamedTuple):
    """Something that a source has said about one call (one leg, where the source has several).

    Events come in any order, and again. What each says is gathered, until the call can be reported.
    """

    # The source's own id of the call; unique in the source.
    ref: str
    # Facts, by the names of ``REPORTED``, ``TIMES``, ``NAMED`` and ``LOGIN``; only those that it says. Times are aware.
    facts: dict
    # Whether the call has ended with it.
    is_over: bool = False
    # The call that dialled this one, where it is a child leg; or what the legs share (``Kind.parent_is_shared``).
    parent_ref: str | None = None
    # Whether it went to, or came from, a telephone. A leg to a browser or a SIP address is never charged.
    is_phone: bool = True
    # By which the wallet may be found, the most exact first: a number of ours, an account of the provider's, a trunk.
    lines: tuple = ()
    # What the provider takes for it, a decimal as text, and in which currency (ISO 4217).
    cost: str | None = None
    cost_currency: str | None = None
    # How long the call has lasted already, where the source says so before its end.
    seconds_so_far: int | None = None


class Dialling(NamedTuple):
    """How numbers are written: as dialled in a country, or, without ``country``, international without +."""

    country: str = ""
    international: str = ""
    national: str = ""


class FileSettings(NamedTuple):
    """How a file is to be read.

    :param tz: of the times without an offset (tzinfo)
    :param columns: of a free mapping: facts, and the names of their columns
    :param words: of a free mapping: by fact, what words mean, in lower case
    :param order: which of day and month comes first, ``d`` or ``m``; None: found
    :param unit: of durations: ``s``, ``ms`` or ``min``
    :param inbound: contexts of a dialplan with calls that come in
    :param dialling: ``Dialling``; None: numbers have their +
    :param head: the file's first line, where the content begins further on
    :param first_line: the number of the content's first line in the file
    :param found: what the reader has found out from the whole content
    """

    tz: Any = UTC
    columns: Mapping[str, str] | None = None
    words: Mapping[str, Mapping[str, str]] = MappingProxyType({})
    order: str | None = None
    unit: str = "s"
    inbound: frozenset = frozenset()
    dialling: Dialling | None = None
    head: str | None = None
    first_line: int = 1
    found: Any = None


class FileLine(NamedTuple):
    """What became of one record of a file: its event, or why it cannot be used; nothing where it is to be left out.

    ``note`` says what was not certain. Sentences are lazily translated.
    """

    line: int
    event: CallEvent | None = None
    problem: Any = None
    note: Any = None


class Kind(NamedTuple):
    """One kind of source.

    :param name: as the database keeps it
    :param label: for people
    :param call_type: ``live`` or ``whatsapp``, where an event names none
    :param verify: function of ``Received``, a secret and now (aware) that tells whether the sender knows the secret;
        None: no webhooks
    :param read: function of ``Received`` that returns its ``CallEvent``, and an ``Unusable`` for a part that cannot be
        used beside others; raises ``Unusable`` where nothing can
    :param read_file: function of a file's content (bytes) and ``FileSettings`` that yields a ``FileLine`` for each
        record; raises ``Unusable`` where nothing can be read; None: no files
    :param challenge: function of ``Received`` and the source's token that returns the text by which the provider knows
        that the address is ours, or None; None: the provider does not ask
    :param has_legs: whether calls may have child legs, which are the ones to charge
    :param parent_is_shared: whether legs name as parent what they share, a conversation, and not the leg that dialled:
        the leg that began first is taken for that one
    :param takes_get: whether events may come by GET, all in the address
    :param check_secret: function of a secret that raises ``Unusable`` where it cannot be one
    :param makes_secret: whether we make the secret, and the other side is told; else it is the provider's
    :param setup: what to enter where, lazily translated, for the source's form; None: nothing to say
    :param asks: whether the other side asks before a call begins, and is told how long it may last
    """

    name: str
    label: str
    call_type: str = "live"
    verify: Callable[[Received, str, datetime], bool] | None = None
    read: Callable[[Received], Iterable] | None = None
    read_file: Callable[[bytes, FileSettings], Iterable] | None = None
    challenge: Callable[[Received, str], str | None] | None = None
    has_legs: bool = False
    parent_is_shared: bool = False
    takes_get: bool = False
    check_secret: Callable[[str], None] | None = None
    makes_secret: bool = False
    asks: bool = False
    setup: Any = None


def sift(found):
    """Return two lists: the events that a message holds, and an ``Unusable`` for each part that cannot be used.

    :param found: what ``Kind.read`` has returned
    """
    events, problems = [], []
    for one in found:
        problem = one if isinstance(one, Unusable) else _flaw(one)
        (problems if problem else events).append(problem or one)
    return events, problems


def _flaw(event):
    """Return why an event cannot be kept, whatever is in its fields; None where it can."""
    texts = {"ref": event.ref, "parent_ref": event.parent_ref, **event.facts}
    texts.update({f"line {place}": line for place, line in enumerate(event.lines, 1)})
    for name, value in texts.items():
        if isinstance(value, str) and (len(value) > MAX_TEXT or not is_storable(value)):
            return Unusable(
                _lt(
                    "%(name)s: %(value)s is longer than %(longest)s characters, or cannot be read.",
                    name=name,
                    value=shown(value),
                    longest=MAX_TEXT,
                )
            )
        if isinstance(value, datetime) and not FIRST_YEAR < value.year < LAST_YEAR:
            return Unusable(_lt("%(name)s: %(value)s is no time of a call.", name=name, value=shown(value.isoformat())))
    return None


def only_said(**facts):
    """Return the facts that say something: without None and empty texts, texts without blanks around them."""
    said = {name: value.strip() if isinstance(value, str) else value for name, value in facts.items()}
    return {name: value for name, value in said.items() if value is not None and value != ""}


def named_in(parameters):
    """Return what a platform has added for the call to an address or an opaque field, by the names of ``NAMED``."""
    return only_said(**{name: parameters.get(name) for name in NAMED if isinstance(parameters.get(name), str)})


def has_password(received, secret, _now):
    """Tell whether a request has the password of HTTP's basic authentication; the user's name is ``wallet``."""
    scheme, _blank, credentials = received.headers.get("authorization", "").partition(" ")
    try:
        given = b64decode(credentials, validate=True).decode()
    except ValueError:
        return False
    return scheme.lower() == "basic" and same_text(given, f"{USER}:{secret}")


def same_text(left, right):
    """Compare two texts, of which one is secret, in a time that does not depend on where they differ."""
    return hmac.compare_digest(left.encode(), right.encode())


def whole_seconds(value, name):
    """Return a duration as whole seconds, begun ones counted: a call of 9.2 s has lasted 10.

    :param value: number or text of seconds
    :param str name: the source's name of the field, for the message
    :raise Unusable: no number, below zero, or longer than any call
    """
    try:
        seconds = math.ceil(round(float(value), 3))
    except (TypeError, ValueError, OverflowError) as error:
        raise Unusable(_lt("%(name)s: %(value)s is no number of seconds.", name=name, value=shown(value))) from error
    if not 0 <= seconds < 10**7:
        raise Unusable(_lt("%(name)s: %(value)s is no duration of a call.", name=name, value=shown(value)))
    return seconds


def from_epoch(value, name):
    """Return the aware time of a UNIX time in seconds, a number or text; None where it is 0 or empty.

    :raise Unusable: no such time
    """
    if value in (None, "", 0, "0"):
        return None
    try:
        return datetime.fromtimestamp(float(value), UTC)
    except (TypeError, ValueError, OverflowError, OSError) as error:
        raise Unusable(_lt("%(name)s: %(value)s is no UNIX time in seconds.", name=name, value=shown(value))) from error
