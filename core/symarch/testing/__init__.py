"""The conformance kit: whether a technology keeps what the core relies on.

    from symarch.testing import check_technology
    check_technology("my-memory")

with pytest, one test for each check:

    from symarch.testing import parametrize_with_checks

    @parametrize_with_checks(["my-memory"])
    def test_conformance(technology, check):
        check(technology)

Our own technologies are tested the same way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from symarch.errors import SymarchError
from symarch.plugins import registry
from symarch.technologies import Technology
from symarch.testing.checks import BY_KIND, COMMON, Check, CheckFailedError, checks_for, summary
from symarch.testing.report import ConformanceError, Outcome, Report, reasons, run_checks

if TYPE_CHECKING:
    import pytest


def check_technology(
    technology: type[Technology] | str, expected_failed_checks: Mapping[str, str] | None = None
) -> Report:
    """Run all checks of a technology and return what became of each. Raises ConformanceError listing all that failed.

    Args:
        technology: the class, or the name of an installed one.
        expected_failed_checks: checks that are known to fail, each with the reason: `{"check_x": "because ..."}`. One
            of them that passes is a failure.
    """
    report = run_checks(_class(technology), expected_failed_checks)
    if not report.ok:
        raise ConformanceError(report)
    return report


def parametrize_with_checks(
    technologies: Iterable[type[Technology] | str],
    expected_failed_checks: Mapping[str, Mapping[str, str]] | None = None,
) -> pytest.MarkDecorator:
    """Return a decorator that runs a test once for each technology and check: `def test(technology, check)`.

    Args:
        technologies: classes, or names of installed ones.
        expected_failed_checks: by technology name, as for `check_technology`; such a test must fail.
    """
    import pytest

    cases = []
    given = {cls.name: cls for cls in map(_class, technologies)}
    for name in set(expected_failed_checks or {}) - set(given):
        raise SymarchError(f"failures are expected of '{name}', which is not among the technologies")
    for name, cls in given.items():
        checks = {c.__name__: c for c in checks_for(cls)}
        expected = reasons(checks, (expected_failed_checks or {}).get(name))
        for key, check in checks.items():
            marks = [pytest.mark.xfail(reason=expected[key], strict=True)] if key in expected else []
            cases.append(pytest.param(cls, check, id=f"{name}-{key}", marks=marks))
    return pytest.mark.parametrize(("technology", "check"), cases)


def _class(technology: type[Technology] | str) -> type[Technology]:
    return registry().technology(technology) if isinstance(technology, str) else technology


__all__ = [
    "BY_KIND",
    "COMMON",
    "Check",
    "CheckFailedError",
    "ConformanceError",
    "Outcome",
    "Report",
    "check_technology",
    "checks_for",
    "parametrize_with_checks",
    "run_checks",
    "summary",
]
