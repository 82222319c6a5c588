"""API keys that this process has verified, without the keys."""

import secrets
from collections import OrderedDict
from contextlib import suppress
from hashlib import blake2b

# Far more than the platforms of any installation have; each takes some hundred bytes.
MOST = 256


class KnownKeys:
    """What keys were verified to be, found by a keyed digest of each.

    The secret of the digests is made by this process and never leaves it. Without it nobody can tell a key from its
    digest, or choose a key by the digest it has; so how long it takes to find one tells nothing, either. What is found
    is no proof: whoever asks looks whether it still holds.
    """

    def __init__(self):
        self._secret = secrets.token_bytes(blake2b.MAX_KEY_SIZE)
        self._known = OrderedDict()

    def find(self, database, key):
        """Return what was remembered of this very key in this database, or None."""
        place = self._place(database, key)
        found = self._known.get(place)
        if found:
            with suppress(KeyError):  # another thread has just made room
                self._known.move_to_end(place)
        return found

    def remember(self, database, key, found):
        """Remember something of a key; the key that was used longest ago makes room."""
        self._known[self._place(database, key)] = found
        while len(self._known) > MOST:
            with suppress(KeyError):
                self._known.popitem(last=False)

    def forget(self, database, key):
        """Forget what is known of a key."""
        self._known.pop(self._place(database, key), None)

    def _place(self, database, key):
        return database, blake2b(key.encode("utf-8", "surrogatepass"), key=self._secret).digest()
