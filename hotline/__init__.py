"""The hotline service: doors, decisions, consequences."""

from importlib.metadata import version

__version__ = version("hotline")
