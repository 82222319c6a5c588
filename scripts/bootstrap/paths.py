"""Where things live. Everything is derived from the environment, the home folder and this file."""

import hashlib
import os
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
ADDON = REPO / "call_wallet"
SOFTPHONE = REPO / "call_wallet_voip_oca"
# The major version of PostgreSQL that was asked for by name. Such a server stands beside the usual one, and
# whatever belongs to its databases has its version in its name.
POSTGRESQL = os.environ.get("CALL_WALLET_PG", "")
SUFFIX = f"-{POSTGRESQL}" if POSTGRESQL else ""
BUILD = REPO / "build"
LOGS = BUILD / f"logs{SUFFIX}"
DEMO = BUILD / f"demo{SUFFIX}"
LOCK_FILE = REPO / "requirements.lock"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "call_wallet"
DATA = CACHE / f"data{SUFFIX}"

# Two checkouts that share the cache must not share their databases.
CHECKOUT = hashlib.sha256(f"{REPO}{SUFFIX}".encode()).hexdigest()[:6]


def digest(*parts):
    """Return a short key of strings, bytes and files' contents."""
    total = hashlib.sha256()
    for part in parts:
        if isinstance(part, Path):
            part = part.read_bytes()
        elif isinstance(part, str):
            part = part.encode()
        total.update(hashlib.sha256(part).digest())
    return total.hexdigest()[:10]


def tree_digest(folder, skip=("tests", "__pycache__")):
    """Return a key of the names and contents of all files below a folder."""
    parts = []
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if path.is_file() and not set(relative.parts) & set(skip) and path.suffix not in (".pyc", ".pot"):
            parts += [str(relative), path]
    return digest(*parts)
