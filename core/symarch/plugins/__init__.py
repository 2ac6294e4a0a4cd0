"""Plugins: the hooks, and the registry that finds technologies and model families through entry points."""

from symarch.plugins.hookspecs import hookimpl
from symarch.plugins.registry import Provider, Registry, registry

__all__ = ["Provider", "Registry", "hookimpl", "registry"]
