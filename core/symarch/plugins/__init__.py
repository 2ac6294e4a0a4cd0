"""Plugins: the hooks, and the registry that finds technologies and model families through entry points."""

from symarch.plugins.discovery import Provider, Registry, registry
from symarch.plugins.hookspecs import hookimpl

__all__ = ["Provider", "Registry", "hookimpl", "registry"]
