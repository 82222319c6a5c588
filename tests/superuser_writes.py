"""What is written as superuser on records that are not the addon's own, while somebody does something."""

from contextlib import contextmanager
from functools import wraps
from unittest.mock import patch

from odoo.models import MAGIC_COLUMNS, BaseModel

ADDON = "call_wallet"
# The field by which notes, tasks, mails and files say which model they are about.
ABOUT = ("model", "res_model", "mail_message_id.model")


class Recorder:
    """Notes each change of a foreign model that ``user`` would not be allowed in Odoo.

    ``found`` is a set of (model, operation, the model that it is about, names of the fields).
    """

    def __init__(self, user):
        self.user, self.found = user, set()

    @contextmanager
    def watching(self):
        """Note what happens inside the block, however deep: Odoo's own overrides all end at the model's base."""
        create, write, unlink = BaseModel.create, BaseModel.write, BaseModel.unlink

        @wraps(create)
        def noting_create(records, vals_list):
            created = create(records, vals_list)
            if self._is_foreign(created):
                self._note(created, "create", set().union(*vals_list))
            return created

        @wraps(write)
        def noting_write(records, vals):
            if not self._is_foreign(records):
                return write(records, vals)
            before = _values(records, vals)
            result = write(records, vals)
            after = _values(records, vals)
            self._note(
                records, "write", {name for record, name in before if before[record, name] != after[record, name]}
            )
            return result

        @wraps(unlink)
        def noting_unlink(records):
            if self._is_foreign(records):
                self._note(records, "unlink")
            return unlink(records)

        with (
            patch.object(BaseModel, "create", noting_create),
            patch.object(BaseModel, "write", noting_write),
            patch.object(BaseModel, "unlink", noting_unlink),
        ):
            yield self

    def _is_foreign(self, records):
        return records.env.su and records._original_module != ADDON and not (records._abstract or records._transient)

    def _note(self, records, operation, names=()):
        # A field of ours on somebody else's record is ours to write.
        names = {name for name in names if records._fields[name]._module != ADDON} - set(MAGIC_COLUMNS)
        if not records or operation == "write" and not names:
            return
        own = records.with_user(self.user).sudo(False)
        if own.has_access(operation):
            names = {name for name in names if not own._has_field_access(own._fields[name], "write")}
            if operation == "unlink" or not names:
                return
        about = {path: records.mapped(path) for path in ABOUT if path.partition(".")[0] in records._fields}
        about = ",".join(sorted({model for models in about.values() for model in models if isinstance(model, str)}))
        # What is created is all of a kind; what is changed is not.
        self.found.add((records._name, operation, about, ",".join(sorted(names)) if operation == "write" else ""))


def _values(records, names):
    return {(record, name): record[name] for record in records for name in names}
