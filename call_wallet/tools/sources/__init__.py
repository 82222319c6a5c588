"""What telephony providers and switches tell of calls, read into one shape. Pure functions: no database here.

Each module is one kind of source: how its messages are verified, and what they say (``CallEvent``). ``KINDS`` lists
them. A new kind is a module and a line here.
"""

from . import freeswitch, plivo, radius, telnyx, twilio, vonage, whatsapp
from .files import READERS, asterisk, columns

MODULES = (asterisk, freeswitch, plivo, radius, telnyx, twilio, vonage, whatsapp, columns)
# A kind has webhooks, files, or both.
KINDS = {module.KIND.name: module.KIND._replace(read_file=READERS.get(module.KIND.name)) for module in MODULES}
