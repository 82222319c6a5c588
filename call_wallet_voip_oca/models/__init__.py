from . import voip_pbx
from . import res_users
from . import voip_call
from . import call_button
