from . import controllers, demo, models, reports, wizards
from .hooks import post_init_hook
