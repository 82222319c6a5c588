"""The configuration: an ini file, and secrets from files or the environment."""

from __future__ import annotations

import configparser
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

# Q.850 causes that Asterisk turns into a SIP answer: 21 -> 403, 3 -> 404, 28 -> 484, 38 -> 500.
REFUSED, NO_ROUTE, BAD_NUMBER, OUT_OF_ORDER = 21, 3, 28, 38
CAUSES = {
    "destination_not_contracted": NO_ROUTE,
    "invalid_number": BAD_NUMBER,
    "unreachable": OUT_OF_ORDER,
}
SOUNDS = {
    "destination_not_contracted": "cannot-complete-as-dialed",
    "invalid_number": "check-number-dial-again",
    "unreachable": "please-try-call-later",
}


@dataclass(frozen=True, kw_only=True)
class Config:
    """What the service needs to know; ``examples/call_wallet_asterisk.ini`` says what each means."""

    url: str
    key: str = field(repr=False)
    database: str | None = None
    patience: float = 5.0
    ami_host: str = "127.0.0.1"
    ami_port: int = 5038
    ami_user: str
    ami_secret: str = field(repr=False)
    cdr_file: Path | None = None
    cdr_wait: float = 5.0
    agi_host: str = "127.0.0.1"
    agi_port: int = 4573
    state: Path
    hold_seconds: int = 300
    extend_before: float = 30.0
    cut_before: float = 1.0
    open_seconds: int = 0
    causes: Mapping[str, int] = field(default_factory=dict)
    sounds: Mapping[str, str] = field(default_factory=dict)

    def cause(self, code: str) -> int:
        """Return the hang-up cause of a refusal."""
        return self.causes.get(code) or CAUSES.get(code, REFUSED)

    def sound(self, code: str) -> str:
        """Return what the caller hears of a refusal; empty: nothing."""
        return self.sounds.get(code, self.sounds.get("default", SOUNDS.get(code, "ss-noservice")))

    def limit(self, max_seconds: int) -> float:
        """Return when to cut a call for which so much is held, in seconds from its answer."""
        return max(max_seconds / 2, max_seconds - self.cut_before)


def read_config(path: str | os.PathLike[str]) -> Config:
    """Read an ini file.

    :raise ValueError: something is missing or makes no sense; the message names it
    :raise OSError: the file, or that of a secret, cannot be read
    """
    parser = configparser.ConfigParser(interpolation=None)
    with open(path, encoding="utf-8") as file:
        parser.read_file(file)
    wallet, asterisk, agi, calls = (_section(parser, name) for name in ("wallet", "asterisk", "agi", "calls"))
    cdr_file = asterisk.get("cdr_file")
    policy = calls.get("when_unreachable", "closed")
    if policy not in ("closed", "open"):
        raise ValueError(f"{path}: [calls] when_unreachable is 'closed' or 'open', not {policy!r}")
    return Config(
        url=_needed(wallet, "wallet", "url"),
        key=_secret(wallet, "wallet", "key", "CALL_WALLET_KEY"),
        database=wallet.get("database") or None,
        patience=float(wallet.get("patience", 5)),
        ami_host=asterisk.get("host", "127.0.0.1"),
        ami_port=int(asterisk.get("port", 5038)),
        ami_user=_needed(asterisk, "asterisk", "user"),
        ami_secret=_secret(asterisk, "asterisk", "secret", "CALL_WALLET_AMI_SECRET"),
        cdr_file=Path(cdr_file) if cdr_file else None,
        cdr_wait=float(asterisk.get("cdr_wait", 5)),
        agi_host=agi.get("host", "127.0.0.1"),
        agi_port=int(agi.get("port", 4573)),
        state=Path(_needed(calls, "calls", "state")),
        hold_seconds=int(calls.get("hold_seconds", 300)),
        extend_before=float(calls.get("extend_before", 30)),
        cut_before=float(calls.get("cut_before", 1)),
        open_seconds=int(calls.get("open_seconds", 120)) if policy == "open" else 0,
        causes={code: int(value) for code, value in _section(parser, "causes").items()},
        sounds=_section(parser, "sounds"),
    )


def _section(parser: configparser.ConfigParser, name: str) -> dict[str, str]:
    return dict(parser[name]) if parser.has_section(name) else {}


def _needed(section: Mapping[str, str], title: str, name: str) -> str:
    if not section.get(name):
        raise ValueError(f"[{title}] {name} is missing")
    return section[name]


def _secret(section: Mapping[str, str], title: str, name: str, variable: str) -> str:
    """Return a secret: of the file that ``<name>_file`` names, or of the environment. Never of the ini file itself."""
    if section.get(f"{name}_file"):
        # systemd's LoadCredential= puts secrets into a folder that only the service can read.
        path = os.path.expandvars(section[f"{name}_file"])
        return Path(path).read_text(encoding="utf-8").strip()
    if os.environ.get(variable):
        return os.environ[variable]
    raise ValueError(f"[{title}] {name}_file is missing, and so is the variable {variable}")
