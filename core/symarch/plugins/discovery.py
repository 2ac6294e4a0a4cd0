"""The registry: entry points to technologies, each imported when a spec first names it.

What pluggy leaves open is checked here: two distributions that claim one name, a plugin that fails to import (it is
reported, the rest goes on), hooks that do not exist, and returned objects that are not technologies.
"""

from __future__ import annotations

import importlib.metadata
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import attrs
import pluggy

from symarch.errors import FOREIGN, PluginError, UnknownNameError, nearest
from symarch.plugins import hookspecs
from symarch.technologies import Technology, check_dimensions

OWN = "symarch"
"""Our own distribution."""

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


@attrs.frozen
class _Kind:
    """What one hook provides.

    Attributes:
        hook: its name.
        prefix: what its entry points' names begin with.
        what: one of them, in words.
        container: type that the hook returns.
        fault: what is wrong with one returned object, None if nothing is.
    """

    hook: str
    prefix: str
    what: str
    container: type
    fault: Callable[[Any], str | None]

    def items(self, found: Any) -> list[tuple[str, Any]]:
        """Return what the hook returned by name."""
        if self.container is dict:
            return list(found.items())
        return [(str(o) if isinstance(o, Path) else getattr(o, "name", ""), o) for o in found]


def _class_with(*names: str) -> Callable[[Any], str | None]:
    def fault(found: Any) -> str | None:
        if not (isinstance(found, type) and isinstance(vars(found).get("name"), str)):
            return "is not a class with a name"
        lacking = [n for n in names if not hasattr(found, n)]
        return f"has no {' and no '.join(lacking)}" if lacking else None

    return fault


def _technology_fault(found: Any) -> str | None:
    sound = isinstance(found, type) and issubclass(found, Technology) and "name" in vars(found)
    return None if sound else "is not a technology class"


def _folder_fault(found: Any) -> str | None:
    return None if isinstance(found, Path) and found.is_dir() else "is not a folder (a pathlib.Path)"


TECHNOLOGIES = _Kind("symarch_technologies", "", "technology", list, _technology_fault)
SPECS = _Kind("symarch_specs", "specs.", "data folder", list, _folder_fault)
COLLECTIVES = _Kind(
    "symarch_collectives", "collective.", "collective algorithm", list, _class_with("operations", "schedule")
)
READERS = _Kind("symarch_trace_readers", "trace.", "trace reader", list, _class_with("suffixes", "sniff", "read"))
FORMATS = _Kind("symarch_report_formats", "report.", "report format", list, _class_with("suffix", "render"))
SECTIONS = _Kind(
    "symarch_report_sections",
    "section.",
    "report section",
    dict,
    lambda found: None if callable(found) else "cannot be called with a report",
)
ARCHITECTURES = _Kind(
    "symarch_model_architectures",
    "model.",
    "model_type",
    dict,
    lambda found: None if hasattr(found, "from_config") else "has no from_config",
)
KINDS = {k.hook: k for k in (TECHNOLOGIES, SPECS, COLLECTIVES, READERS, FORMATS, SECTIONS, ARCHITECTURES)}


class Registry:
    """Finds plugins among entry points and loads them on demand.

    Args:
        entry_points: the entry points to use; default: those of all installed distributions in group `symarch`.
    """

    def __init__(self, entry_points: Iterable[importlib.metadata.EntryPoint] | None = None) -> None:
        points = importlib.metadata.entry_points(group=hookspecs.GROUP) if entry_points is None else entry_points
        allowed = _allowlist()
        self.hint = "" if allowed is None else f" ({ALLOWLIST} allows only {', '.join(sorted(allowed)) or 'nothing'})"
        self._points: dict[str, list[importlib.metadata.EntryPoint]] = {}
        for point in points:
            words = {point.name, _distribution(point)[0]}
            # what symarch ships as data stays: an allowlist says which code and whose data are trusted beside it
            shipped = OWN in words and point.name.startswith(SPECS.prefix)
            if allowed is not None and not shipped and not words & allowed:
                continue
            same = self._points.setdefault(point.name, [])
            # the same distribution may be visible twice (an editable install beside its build): not a conflict
            if not any(_distribution(p) == _distribution(point) and p.value == point.value for p in same):
                same.append(point)
        self._manager = pluggy.PluginManager(hookspecs.GROUP)
        self._manager.add_hookspecs(hookspecs)
        self._modules: dict[str, ModuleType] = {}
        self._provided: dict[str, dict[str, tuple[Any, str]]] = {hook: {} for hook in KINDS}
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
        cls = self._find(TECHNOLOGIES, name)
        check_dimensions(cls)
        return cast(type[Technology], cls)

    def technologies(self) -> dict[str, type[Technology]]:
        """Load and check everything and return all sound technologies by name; what failed is in `failures`."""
        self.load_all()
        found = {}
        for name in sorted(self._provided[TECHNOLOGIES.hook]):
            try:
                found[name] = self.technology(name)
            except PluginError as error:
                self._failures[name] = str(error)
        return found

    def architecture(self, model_type: str) -> Any:
        """Return the class of a model family by Hugging Face `model_type`. Raises UnknownNameError or PluginError."""
        return self._find(ARCHITECTURES, model_type)

    def collective(self, name: str) -> Any:
        """Return the class of a collective algorithm by name. Raises UnknownNameError or PluginError."""
        return self._find(COLLECTIVES, name)

    def report_format(self, name: str) -> Any:
        """Return the class of a report format by name. Raises UnknownNameError or PluginError."""
        return self._find(FORMATS, name)

    def report_section(self, name: str) -> Any:
        """Return what writes a section of a report, by name. Raises UnknownNameError or PluginError."""
        return self._find(SECTIONS, name)

    def trace_readers(self) -> dict[str, Any]:
        """Return all sound trace readers by name; what failed is in `failures`."""
        return self.all_of(READERS)

    def report_formats(self) -> dict[str, Any]:
        """Return all sound report formats by name; what failed is in `failures`."""
        return self.all_of(FORMATS)

    def folders(self) -> dict[Path, Provider]:
        """Return the data folders of installed packages with who provides each; what failed is in `failures`."""
        self.all_of(SPECS)
        return {folder: self.provider(owner) for folder, owner in self._provided[SPECS.hook].values()}

    def origin(self, name: str, hook: str = TECHNOLOGIES.hook) -> Provider:
        """Return who provides a loaded technology, or what another hook provides."""
        return self.provider(self._provided[hook][name][1])

    def failed(self, error: BaseException) -> Provider | None:
        """Return who provides the innermost code of another package that an error passed through, None if none did."""
        others = {name: m for name, m in self._modules.items() if self.provider(name).distribution != OWN}
        packages = {m.__name__.partition(".")[0]: name for name, m in others.items()}
        frames = [str(frame.f_globals.get("__name__")) for frame, _ in traceback.walk_tb(error.__traceback__)]
        passed = [packages[p] for f in frames if (p := f.partition(".")[0]) in packages]
        return self.provider(passed[-1]) if passed else None

    def provides(self, point_name: str) -> dict[str, tuple[str, ...]]:
        """Return what a loaded plugin provides: names by hook."""
        module = self._modules.get(point_name)
        owners = {n for n, m in self._modules.items() if m is module}
        mine = {
            hook: tuple(k for k, (_, owner) in table.items() if owner in owners)
            for hook, table in self._provided.items()
        }
        return {hook: names for hook, names in mine.items() if names}

    def all_of(self, kind: _Kind) -> dict[str, Any]:
        """Load the plugins whose entry points carry a kind's prefix, and return what they provide."""
        for name in self._points:
            if name.startswith(kind.prefix):
                self._load(name, strict=False)
        return {key: value for key, (value, _) in self._provided[kind.hook].items()}

    def _find(self, kind: _Kind, name: str) -> Any:
        """Return what provides a name: its entry point's, else any plugin's."""
        table = self._provided[kind.hook]
        if name not in table and kind.prefix + name in self._points:
            self._load(kind.prefix + name, strict=True)
        if name not in table:
            self.load_all()
        if name not in table:
            why = self._failures.get(kind.prefix + name)
            raise UnknownNameError(
                f"unknown {kind.what} '{name}'{f' ({why})' if why else ''}{self.hint}; {nearest(name, table)}"
            )
        return table[name][0]

    def failures(self) -> Mapping[str, str]:
        """Return the plugins that could not be loaded and the technologies that failed their check, and why."""
        self.technologies()
        return dict(self._failures)

    def preset_file(self, technology: str) -> Path | None:
        """Return the TOML file of a loaded technology's presets: the one beside its module. None if there is none."""
        module = self._modules[self._provided[TECHNOLOGIES.hook][technology][1]]
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
        except FOREIGN as error:
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
        for table in self._provided.values():
            for key in [k for k, (_, owner) in table.items() if owner == name]:
                del table[key]

    def _collect(self, module: Any, name: str, who: str) -> None:
        callers = self._manager.get_hookcallers(module) or []
        if not callers and name.startswith(SPECS.prefix):  # a package of data alone
            # a package without __init__.py is found once for each time its home stands on the path
            for folder in dict.fromkeys(Path(f).resolve() for f in getattr(module, "__path__", [])):
                self._claim(SPECS, str(folder), folder, name)
            return
        if not callers:
            raise PluginError(f"{who} implements no hook; mark one of {', '.join(KINDS)} with symarch.hookimpl")
        for caller in callers:
            implementation = next(i for i in caller.get_hookimpls() if i.plugin is module)
            kind = KINDS[caller.name]
            found = self._call(caller.name, implementation.function, who)
            if not isinstance(found, kind.container):
                due = kind.container.__name__
                raise PluginError(f"{who}: {caller.name} returned {type(found).__name__}; it must return a {due}")
            for key, value in kind.items(found):
                fault = kind.fault(value)
                if fault:
                    of = f" {key!r}:" if kind.container is dict else ""
                    raise PluginError(f"{who}: {caller.name}{of} returned {value!r}, which {fault}")
                self._claim(kind, key, value, name)

    @staticmethod
    def _call(hook: str, function: Callable[[], Any], who: str) -> Any:
        try:
            found = function()
        except FOREIGN as error:
            raise PluginError(f"{who}: {hook} failed: {type(error).__name__}: {error}") from error
        if os.environ.get(TRACE):
            print(f"symarch: {hook} of {who} returned {found!r}", file=sys.stderr)
        return found

    def _claim(self, kind: _Kind, key: str, value: Any, name: str) -> None:
        table = self._provided[kind.hook]
        if key in table and table[key][0] is not value:
            first, second = self.provider(table[key][1]).distribution, self.provider(name).distribution
            raise PluginError(f"{kind.what} '{key}' is provided by {first} and by {second}; uninstall one of them")
        table[key] = (value, name)


def _allowlist() -> set[str] | None:
    """Return the plugins and distributions that the environment allows, None if it allows all."""
    text = os.environ.get(ALLOWLIST)
    return None if text is None else {part.strip() for part in text.split(",") if part.strip()}


def _distribution(point: importlib.metadata.EntryPoint) -> tuple[str, str]:
    return _named(point.dist) if point.dist else ("?", "?")


@cache
def _named(distribution: importlib.metadata.Distribution) -> tuple[str, str]:
    """Return name and version of a distribution, which parses its metadata: once for all its entry points."""
    return distribution.name, distribution.version


@cache
def registry() -> Registry:
    """Return the process's registry of installed plugins."""
    return Registry()
