"""Prepaid calls on Asterisk, charged to Call Wallet."""

from .config import Config, read_config
from .service import Service
