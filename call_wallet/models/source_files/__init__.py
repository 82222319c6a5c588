"""Files of call records: chosen by a person, or taken from a folder, read in the background in batches.

A file is kept, compressed, until it was imported, and no longer: what it says of calls goes the way of all sources
(``sources``). The lines that could not be used stay with their reasons. Doors: ``_cron_import``, ``_cron_poll``,
``action_cancel``, ``import_file``, and the wizard ``call.source.import``.
"""

from . import (
    call_source,
    call_source_column,
    call_source_file,
    call_source_file_line,
)
