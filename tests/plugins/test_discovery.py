"""The registry: what is installed is what is shipped, and a broken or rival plugin harms nobody else."""

from __future__ import annotations

import importlib.metadata
import pkgutil
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import symarch_technologies
from symarch import load_system
from symarch.errors import PluginError, SpecError, UnknownNameError
from symarch.plugins import Registry, registry
from symarch.technologies import Interconnect, Memory, Processor, Topology

HOOK = "from symarch import hookimpl\n@hookimpl\ndef symarch_"
EntryPoint = importlib.metadata.EntryPoint
SHIPPED = sorted(
    n
    for n in registry().names
    if registry().provider(n).distribution == "symarch" and registry().provider(n).module.startswith("symarch_tech")
)
KINDS = (Memory, Interconnect, Processor, Topology)


class Distribution(importlib.metadata.Distribution):
    """An installed package that exists in this test only."""

    def __init__(self, name: str) -> None:
        self._text = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2.3\n"

    def read_text(self, filename: str) -> str | None:
        return self._text if filename == "METADATA" else None

    def locate_file(self, path: object) -> Path:
        return Path(str(path))


def point(name: str, value: str, distribution: str = "symarch-test") -> EntryPoint:
    made = EntryPoint(name, value, "symarch")
    vars(made).update(dist=Distribution(distribution))
    return made


GOOD = """
from typing import ClassVar
from symarch import Memory, Quantity, hookimpl, parameter, quantity, technology

@technology
class {cls}(Memory):
    "A memory of this test."
    name: ClassVar[str] = "{name}"
    rate: Quantity = parameter("1 GB/s", "B/s", doc="rate")
    size: Quantity = parameter("1 GB", "B", doc="size")

    @quantity("B")
    def capacity(self): return self.size

    @quantity("B/s")
    def read_bandwidth(self): return self.rate

@hookimpl
def symarch_technologies():
    return {returned}
"""

Module = Callable[..., str]


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Module:
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(file: str, text: str | None = None, **changes: str) -> str:
        values = {"cls": "Made", "name": file, "returned": "[Made]"} | changes
        (tmp_path / f"{file}.py").write_text(GOOD.format(**values) if text is None else text)
        sys.modules.pop(file, None)
        return file

    return write


def test_the_installed_entry_points_are_the_shipped_modules() -> None:
    modules = {m.name for m in pkgutil.iter_modules(symarch_technologies.__path__) if not m.name.startswith("_")}
    assert modules == {registry().provider(n).module.removeprefix("symarch_technologies.") for n in SHIPPED}
    assert registry().failures() == {}


@pytest.mark.parametrize("name", [n for n in SHIPPED if "." not in n])
def test_each_module_provides_the_technology_it_is_named_after(name: str) -> None:
    cls = registry().technology(name)
    assert cls.name == name
    assert issubclass(cls, KINDS)
    assert cls.__module__ == f"symarch_technologies.{name.replace('-', '_')}"
    assert cls.__doc__
    assert cls.assumptions
    assert registry().origin(name).version


def test_a_plugin_is_loaded_when_it_is_named(module: Module) -> None:
    made = Registry([point("lazy", module("lazy")), point("other", module("other"))])
    assert "lazy" not in sys.modules
    assert made.technology("lazy").name == "lazy"
    assert "other" not in sys.modules
    assert made.provider("lazy").distribution == "symarch-test"
    assert made.provider("lazy").version == "1.2.3"


def test_two_distributions_that_claim_one_entry_point_are_both_named(module: Module) -> None:
    made = Registry([point("twin", module("twin"), "symarch-one"), point("twin", module("twin2"), "symarch-two")])
    with pytest.raises(PluginError, match="'twin' is provided by two distributions, symarch-one and symarch-two"):
        made.technology("twin")


def test_the_same_distribution_seen_twice_is_no_conflict(module: Module) -> None:
    made = Registry([point("once", module("once")), point("once", "once")])
    assert made.technology("once").name == "once"


def test_two_modules_that_provide_one_technology_are_both_named(module: Module) -> None:
    made = Registry(
        [
            point("first", module("first", name="same"), "symarch-one"),
            point("second", module("second", name="same"), "symarch-two"),
        ]
    )
    assert list(made.technologies()) == ["same"]
    assert "'same' is provided by symarch-one and by symarch-two" in made.failures()["second"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import nothing_of_this_name", "failed to import: ModuleNotFoundError"),
        ("raise RuntimeError('no licence')", "failed to import: RuntimeError: no licence"),
        ("this is no python", "failed to import: SyntaxError"),
        ("x = 1", "implements no hook"),
        (HOOK + "technologis(): return []", "symarch_technologis"),
        (HOOK + "technologies(): return None", "returned NoneType"),
        (HOOK + "technologies(): return {}", "must return a list"),
        (HOOK + "technologies(): return [int]", "not a technology class"),
        (HOOK + "technologies(): return [3]", "not a technology class"),
        (GOOD.format(cls="Made", name="bad", returned="[Made, int]"), "not a technology class"),
        (HOOK + "technologies(): return 1 / 0", "ZeroDivisionError"),
        (HOOK + "model_architectures(): return {'x': 3}", "no from_config"),
        (HOOK + "technologies(extra): return []", "extra"),
        (
            GOOD.format(cls="Made", name="bad", returned="[Made]").replace('@quantity("B/s")', '@quantity("s")'),
            "declares read_bandwidth in s",
        ),
        (
            GOOD.format(cls="Made", name="bad", returned="[Made]").replace("def capacity", "def capacty"),
            r"does not define capacity \[B\]",
        ),
    ],
)
def test_a_broken_plugin_is_reported_by_name_and_the_rest_goes_on(module: Module, text: str, words: str) -> None:
    made = Registry([point("bad", module("bad", text)), point("bad2", "bad"), point("good", module("good"))])
    assert list(made.technologies()) == ["good"]
    assert set(made.failures()) == {"bad", "bad2"}
    assert made.technology("good").name == "good"
    with pytest.raises(PluginError, match=words) as caught:
        made.technology("bad")
    assert "symarch-test" in str(caught.value)


def test_a_clash_of_dimensions_is_found_when_the_technology_is_first_used(module: Module) -> None:
    text = GOOD.format(cls="Made", name="clash", returned="[Made]")
    text = text.replace("return self.rate", "return self.rate + self.size")
    made = Registry([point("clash", module("clash", text))])
    with pytest.raises(PluginError, match=r"'clash', quantity read_bandwidth: .*\[B/s\].*\[B\]"):
        made.technology("clash")


def test_an_unknown_technology_names_near_ones(module: Module) -> None:
    made = Registry([point("flash", module("flash"))])
    with pytest.raises(UnknownNameError, match="unknown technology 'flsh'; did you mean 'flash'"):
        made.technology("flsh")
    with pytest.raises(UnknownNameError, match="unknown model_type 'gpt'"):
        made.architecture("gpt")


def test_an_installed_rival_changes_nothing_until_it_is_named(module: Module) -> None:
    shipped = [p for p in importlib.metadata.entry_points(group="symarch") if p.name in SHIPPED]
    made = Registry([*shipped, point("rival", module("rival", name="hbm"), "symarch-rival")])
    assert made.technology("hbm").__module__ == "symarch_technologies.hbm"
    assert made.technologies()["hbm"].__module__ == "symarch_technologies.hbm"
    assert "symarch-rival" in made.failures()["rival"]


def test_an_allowlist_hides_the_rest(module: Module, monkeypatch: pytest.MonkeyPatch) -> None:
    points = [point("one", module("one"), "symarch-one"), point("two", module("two"), "symarch-two")]
    monkeypatch.setenv("SYMARCH_PLUGINS", "one")
    assert Registry(points).names == ("one",)
    monkeypatch.setenv("SYMARCH_PLUGINS", "symarch-two, ")
    assert Registry(points).names == ("two",)
    monkeypatch.setenv("SYMARCH_PLUGINS", "")
    assert Registry(points).names == ()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("return self.rate + self.size", "quantity read_bandwidth: .*rate.* and .*size"),
        ("return self.rat", "quantity read_bandwidth: AttributeError"),
        ("return undefined", "quantity read_bandwidth: NameError"),
    ],
)
def test_a_technology_that_fails_its_check_is_named_and_the_rest_goes_on(module: Module, body: str, words: str) -> None:
    text = GOOD.format(cls="Made", name="unsound", returned="[Made]").replace("return self.rate", body)
    made = Registry([point("unsound", module("unsound", text)), point("sound", module("sound"))])
    assert list(made.technologies()) == ["sound"]
    assert re.search(words, made.failures()["unsound"])
    with pytest.raises(PluginError, match="technology 'unsound'"):
        made.technology("unsound")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("raise RuntimeError('boom')", "technology 'odd', quantity capacity: RuntimeError: boom"),
        ("raise SystemExit(3)", "technology 'odd', quantity capacity: SystemExit: 3"),
        ("return 'big'", "technology 'odd', quantity capacity: 'big' is neither a quantity nor a number"),
        ("return self.rate", r"quantity capacity: declared in B \[B\], but its expression rate has \[B/s\]"),
        ("return self.capacity", "quantity capacity: RecursionError"),
    ],
)
def test_a_quantity_that_fails_is_named(module: Module, body: str, words: str) -> None:
    text = GOOD.format(cls="Made", name="odd", returned="[Made]").replace("return self.size", body)
    with pytest.raises(PluginError, match=words):
        Registry([point("odd", module("odd", text))]).technology("odd")


def test_a_quantity_that_must_be_there_and_is_none_is_refused_where_it_is_used(
    install: Callable[..., Path], tmp_path: Path
) -> None:
    text = GOOD.format(cls="Made", name="hollow", returned="[Made]").replace("return self.size", "return None")
    install("symarch-hollow", {"hollow.py": text}, {"hollow": "hollow"})
    file = tmp_path / "x.toml"
    file.write_text(
        'format = 1\nname = "x"\n[processor.gpu]\ntechnology = "gpu"\npreset = "h100-sxm"\n'
        '[memory.m]\ntechnology = "hollow"\n'
    )
    with pytest.raises(SpecError, match=r"x\.toml:6: memory\.m: m\.capacity has no value here: it is None"):
        load_system(str(file))
