"""Speed of the door for third parties: python tests/benchmarks/bench_technologies.py

Expressions parsed, hostile strings refused, technologies of a spec read, the conformance kit run over all installed
technologies. CPU time, best of several; machines differ.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sympy

import symarch
from symarch.errors import SpecError
from symarch.plugins import registry
from symarch.program.grammar import parse
from symarch.specs import technologies
from symarch.testing import run_checks, samples

NAMES = ("stacks", "dies", "planes", "page", "read_time", "pins", "pin_rate")

EXPRESSIONS = {
    "product": "stacks * dies * planes * page / read_time",
    "minimum": "min(stacks * dies * planes * page / read_time, stacks * pins * pin_rate) * (1 - 0.05)",
    "long": " + ".join(["stacks * ceil(page / (planes * pins)) ** 2"] * 8),
}

HOSTILE = {
    "dunder": "().__class__.__bases__[0].__subclasses__()",
    "power": "9**9**9**9",
    "powers": "**".join(["9"] * 100),
    "nested": "(" * 200 + "stacks" + ")" * 200,
    "signs": "-" * 399 + "1",
    "functions": "min(1," * 60 + "stacks",
    "unknown": "abcdefghij" * 39,
    "million": "stacks+" * 150_000,
    "digits": "9" * 1_000_000,
    "unicode": "\u0445" * 1_000_000,
}

SPEC = """
format = 1
[technology.my-flash]
kind = "memory"
[technology.my-flash.parameters]
stacks = 4
read_time = { value = "3 us", low = "1 us", high = "30 us", source = "assumed" }
page = "4 KiB"
planes = 1200
stack_capacity = "512 GB"
[technology.my-flash.expressions]
capacity = "stacks * stack_capacity"
read_bandwidth = "stacks * planes * page / read_time"
[processor.gpu]
technology = "gpu"
preset = "h100-sxm"
[memory.flash]
technology = "my-flash"
"""


def best(call: Callable[[], Any], runs: int, repeats: int) -> float:
    """Return CPU seconds of one call, best of some repeats."""
    found = []
    for _ in range(repeats):
        start = time.process_time()
        for _ in range(runs):
            call()
        found.append((time.process_time() - start) / runs)
    return min(found)


def _refused(text: str) -> None:
    try:
        parse(text, NAMES)
    except SpecError:
        return
    raise AssertionError(f"{text:.40} was read")


def expressions(runs: int = 500, repeats: int = 7) -> None:
    """Parse expressions, and refuse hostile ones."""
    for what, text in EXPRESSIONS.items():
        seconds = best(lambda t=text: parse(t, NAMES), runs, repeats)  # type: ignore[misc]
        print(f"parse an expression ({what}, {len(text)} characters): {1e3 * seconds:.3f} ms (target 0.1)")
    worst = max((best(lambda t=t: _refused(t), 1, repeats), what) for what, t in HOSTILE.items())  # type: ignore[misc]
    print(f"refuse a hostile string, the slowest of {len(HOSTILE)} ({worst[1]}): {1e3 * worst[0]:.2f} ms (target 10)")


def specs(repeats: int = 7) -> None:
    """Read a spec with a technology of its own, made anew and known already."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spec.toml"
        path.write_text(SPEC, encoding="utf-8")

        def anew() -> None:
            technologies._made.cache_clear()
            symarch.load_system(str(path))

        again = best(lambda: symarch.load_system(str(path)), 1, repeats)
        print(f"read a spec: {1e3 * again:.1f} ms, with its technology made anew {1e3 * best(anew, 1, repeats):.1f} ms")


def conformance(names: list[str] | None = None, repeats: int = 3) -> None:
    """Check every installed technology."""
    float(sympy.lambdify([sympy.Symbol("x")], sympy.Max(sympy.Symbol("x"), 1), "numpy")(2))  # loads what it needs
    found = []
    for name in names or list(registry().technologies()):
        cls = registry().technology(name)

        def check(cls: Any = cls) -> None:
            samples._variants.cache_clear()
            run_checks(cls)

        check()
        found.append((best(check, 1, repeats), name))
    for seconds, name in sorted(found, reverse=True)[:5]:
        print(f"check technology {name}: {1e3 * seconds:.0f} ms (target 50)")
    median = sorted(found)[len(found) // 2][0]
    within = sum(s <= 0.05 for s, _ in found)
    print(f"median of {len(found)} technologies: {1e3 * median:.0f} ms; {within} within 50 ms")


if __name__ == "__main__":
    expressions()
    specs()
    conformance()
