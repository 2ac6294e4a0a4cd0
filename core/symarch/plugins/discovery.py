"""The registry: entry points to technologies, each imported when a spec first names it.

What pluggy leaves open is checked here: two distributions that claim one name, a plugin that fails to import (it is
reported, the rest goes on), hooks that do not exist, and returned objects that are not technologies.
"""

from __future__ import annotations

import importlib.metadata
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import attrs
import pluggy

from symarch.errors import PluginError, UnknownNameError, nearest
from symarch.plugins import hookspecs
from symarch.technologies import Technology, check_dimensions

MODEL_PREFIX = "model."

ALLOWLIST = "SYMARCH_PLUGINS"
"""Environment variable: only these plugins are loaded; names of entry points or of distributions, with commas."""

TRACE = "SYMARCH_TRACE_HOOKS"
"""Environment variable: if set, every hook call is printed to stderr with what it returned."""


@attrs.frozen
class Provider:
    """Who provides a plugin.

    Attributes:
        name: name of the entry point.
        distribution: the installed package it came with.
        version: that package's version.
        module: the module it points to.
    """

    name: str
    distribution: str
    version: str
    module: str


class Registry:
    """Finds plugins among entry points and loads them on demand.

    Args:
        entry_points: the entry points to use; default: those of all installed distributions in group `symarch`.
    """

    def __init__(self, entry_points: Iterable[importlib.metadata.EntryPoint] | None = None) -> None:
        points = importlib.metadata.entry_points(group=hookspecs.GROUP) if entry_points is None else entry_points
        allowed = _allowlist()
        self._hint = "" if allowed is None else f" ({ALLOWLIST} allows only {', '.join(sorted(allowed)) or 'nothing'})"
        self._points: dict[str, list[importlib.metadata.EntryPoint]] = {}
        for point in points:
            if allowed is not None and not {point.name, _distribution(point)[0]} & allowed:
                continue
            same = self._points.setdefault(point.name, [])
            # the same distribution may be visible twice (an editable install beside its build): not a conflict
            if not any(_distribution(p) == _distribution(point) and p.value == point.value for p in same):
                same.append(point)
        self._manager = pluggy.PluginManager(hookspecs.GROUP)
        self._manager.add_hookspecs(hookspecs)
        self._modules: dict[str, ModuleType] = {}
        self._technologies: dict[str, tuple[type[Technology], str]] = {}
        self._architectures: dict[str, tuple[Any, str]] = {}
        self._failures: dict[str, str] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all entry points, loaded or not."""
        return tuple(sorted(self._points))

    def provider(self, point_name: str) -> Provider:
        """Return who provides an entry point."""
        point = self._points[point_name][0]
        name, version = _distribution(point)
        return Provider(point_name, name, version, point.value.partition(":")[0])

    def technology(self, name: str) -> type[Technology]:
        """Return a technology class by name, dimension-checked. Raises UnknownNameError or PluginError."""
        if name not in self._technologies:
            if name in self._points:
                self._load(name, strict=True)
            if name not in self._technologies:
                self.load_all()
        if name not in self._technologies:
            broken = f" ({self._failures[name]})" if name in self._failures else ""
            raise UnknownNameError(
                f"unknown technology '{name}'{broken}{self._hint}; {nearest(name, self._technologies)}"
            )
        cls = self._technologies[name][0]
        check_dimensions(cls)
        return cls

    def origin(self, technology: str) -> Provider:
        """Return who provides a loaded technology."""
        return self.provider(self._technologies[technology][1])

    def technologies(self) -> dict[str, type[Technology]]:
        """Load and check everything and return all sound technologies by name; what failed is in `failures`."""
        self.load_all()
        found = {}
        for name in sorted(self._technologies):
            try:
                found[name] = self.technology(name)
            except PluginError as error:
                self._failures[name] = str(error)
        return found

    def architecture(self, model_type: str) -> Any:
        """Return the class of a model family by Hugging Face `model_type`. Raises UnknownNameError or PluginError."""
        if model_type not in self._architectures:
            if MODEL_PREFIX + model_type in self._points:
                self._load(MODEL_PREFIX + model_type, strict=True)
            if model_type not in self._architectures:
                self.load_all()
        if model_type not in self._architectures:
            raise UnknownNameError(
                f"unknown model_type '{model_type}'{self._hint}; {nearest(model_type, self._architectures)}"
            )
        return self._architectures[model_type][0]

    def failures(self) -> Mapping[str, str]:
        """Return the plugins that could not be loaded and the technologies that failed their check, and why."""
        self.technologies()
        return dict(self._failures)

    def preset_file(self, technology: str) -> Path | None:
        """Return the TOML file of a loaded technology's presets: the one beside its module. None if there is none."""
        module = self._modules[self._technologies[technology][1]]
        path = Path(cast(str, module.__file__)).with_suffix(".toml")
        return path if path.is_file() else None

    def load_all(self) -> None:
        """Load every plugin; one that fails is recorded and skipped."""
        for name in self._points:
            self._load(name, strict=False)

    def _load(self, name: str, *, strict: bool) -> None:
        if name in self._modules:
            return
        try:
            if name in self._failures:
                raise PluginError(self._failures[name])
            self._register(name)
        except PluginError as error:
            self._failures[name] = str(error)
            if strict:
                raise

    def _register(self, name: str) -> None:
        points = self._points[name]
        if len(points) > 1:
            claims = " and ".join(sorted(_distribution(p)[0] for p in points))
            raise PluginError(f"plugin '{name}' is provided by two distributions, {claims}; uninstall one of them")
        provider = self.provider(name)
        who = f"plugin '{name}' of distribution {provider.distribution}"
        try:
            module = points[0].load()
        except (
            Exception,
            SystemExit,
        ) as error:  # a plugin is foreign code: whatever it raises is its failure, not ours
            raise PluginError(f"{who} failed to import: {type(error).__name__}: {error}") from error
        loaded = next((m for m in self._modules.values() if m is module), None)
        if loaded is None:
            try:
                self._manager.register(module, name)
                self._manager.check_pending()
                self._collect(module, name, who)
            except (PluginError, pluggy.PluginValidationError) as error:
                self._forget(module, name)
                raise PluginError(str(error) if isinstance(error, PluginError) else f"{who}: {error}") from error
        self._modules[name] = module

    def _forget(self, module: Any, name: str) -> None:
        """Take back what a plugin claimed before it failed."""
        if self._manager.is_registered(module):
            self._manager.unregister(module)
        for table in (self._technologies, self._architectures):
            for key in [k for k, (_, owner) in table.items() if owner == name]:
                del table[key]

    def _collect(self, module: Any, name: str, who: str) -> None:
        callers = self._manager.get_hookcallers(module) or []
        if not callers:
            known = ", ".join(n for n in vars(hookspecs) if n.startswith("symarch_"))
            raise PluginError(f"{who} implements no hook; mark one of {known} with symarch.hookimpl")
        for caller in callers:
            implementation = next(i for i in caller.get_hookimpls() if i.plugin is module)
            found = self._call(caller.name, implementation.function, who)
            if caller.name == "symarch_technologies":
                for cls in self._checked(found, list, caller.name, who):
                    if not (isinstance(cls, type) and issubclass(cls, Technology) and "name" in vars(cls)):
                        raise PluginError(f"{who}: {caller.name} returned {cls!r}, which is not a technology class")
                    self._claim(self._technologies, cls.name, cls, name, "technology")
            else:
                for model_type, family in self._checked(found, dict, caller.name, who).items():
                    if not hasattr(family, "from_config"):
                        raise PluginError(f"{who}: model family {model_type!r} has no from_config")
                    self._claim(self._architectures, model_type, family, name, "model_type")

    @staticmethod
    def _call(hook: str, function: Callable[[], Any], who: str) -> Any:
        try:
            found = function()
        except Exception as error:  # foreign code, as above
            raise PluginError(f"{who}: {hook} failed: {type(error).__name__}: {error}") from error
        if os.environ.get(TRACE):
            print(f"symarch: {hook} of {who} returned {found!r}", file=sys.stderr)
        return found

    @staticmethod
    def _checked(found: Any, kind: type, hook: str, who: str) -> Any:
        if not isinstance(found, kind):
            raise PluginError(f"{who}: {hook} returned {type(found).__name__}; it must return a {kind.__name__}")
        return found

    def _claim(self, table: dict[str, tuple[Any, str]], key: str, value: Any, name: str, what: str) -> None:
        if key in table and table[key][0] is not value:
            first, second = self.provider(table[key][1]).distribution, self.provider(name).distribution
            raise PluginError(f"{what} '{key}' is provided by {first} and by {second}; uninstall one of them")
        table[key] = (value, name)


def _allowlist() -> set[str] | None:
    """Return the plugins and distributions that the environment allows, None if it allows all."""
    text = os.environ.get(ALLOWLIST)
    return None if text is None else {part.strip() for part in text.split(",") if part.strip()}


def _distribution(point: importlib.metadata.EntryPoint) -> tuple[str, str]:
    return (point.dist.name, point.dist.version) if point.dist else ("?", "?")


@cache
def registry() -> Registry:
    """Return the process's registry of installed plugins."""
    return Registry()
