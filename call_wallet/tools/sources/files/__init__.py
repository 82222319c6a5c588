"""Files of call records, read into events: a module for each kind of file. Pure functions.

``lines`` finds encoding, separators and JSON, ``values`` reads times, durations and numbers, ``reading`` goes through a
file by a kind's ``Layout``.
"""

from . import asterisk, columns, freeswitch, twilio

READERS = {
    "asterisk": asterisk.read_file,
    "columns": columns.read_file,
    "freeswitch": freeswitch.read_file,
    "twilio": twilio.read_file,
}
