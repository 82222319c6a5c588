"""What telephony providers and switches tell of calls, read into one shape. Pure functions: no database here.

Each module is one kind of source: how its messages are verified, and what they say (``CallEvent``). ``KINDS`` lists
them. A new kind is a module and a line here.
"""

from . import freeswitch, plivo, telnyx, twilio, vonage, whatsapp

KINDS = {
    kind.name: kind for kind in (freeswitch.KIND, plivo.KIND, telnyx.KIND, twilio.KIND, vonage.KIND, whatsapp.KIND)
}
