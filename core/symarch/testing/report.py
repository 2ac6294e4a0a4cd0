"""Checks run and reported: what holds, what does not, and what is known not to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from symarch.errors import FOREIGN, SymarchError, nearest
from symarch.technologies import Technology
from symarch.testing.checks import Check, check_contract, checks_for

FAILED = ("failed", "passed unexpectedly")


@attrs.frozen
class Outcome:
    """What became of one check.

    Attributes:
        check: its name.
        status: ok, failed, expected (to fail, and it did), passed unexpectedly, or not run.
        why: what does not hold; for an expected failure the written reason.
    """

    check: str
    status: str
    why: str = ""


@attrs.frozen
class Report:
    """What became of the checks of a technology.

    Attributes:
        technology: its name.
        kind: memory, interconnect, processor or topology.
        outcomes: one for each check, in the order they ran.
    """

    technology: str
    kind: str
    outcomes: tuple[Outcome, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing failed but what was expected to."""
        return not self.failed

    @property
    def failed(self) -> tuple[Outcome, ...]:
        """The checks that failed, or passed although a failure was expected."""
        return tuple(o for o in self.outcomes if o.status in FAILED)

    def data(self) -> dict[str, Any]:
        """Return the report as plain data, as `symarch plugins check --json` prints it."""
        checks = [{"name": o.check, "status": o.status, "why": o.why} for o in self.outcomes]
        return {"technology": self.technology, "kind": self.kind, "ok": self.ok, "checks": checks}

    def __str__(self) -> str:
        """Return a line for each check, and what does not hold."""
        width = max(len(o.check) for o in self.outcomes)
        lines = [f"{self.technology} ({self.kind})"]
        for outcome in self.outcomes:
            why = f"  {outcome.why}" if outcome.why else ""
            lines.append(f"  {outcome.check:<{width}}  {outcome.status}{why}")
        count = len(self.outcomes)
        lines.append(f"{count} checks, {len(self.failed)} failed")
        return "\n".join(lines)


class ConformanceError(SymarchError):
    """A technology fails checks.

    Attributes:
        report: what became of each check.
    """

    def __init__(self, report: Report) -> None:
        self.report = report
        lines = [f"technology '{report.technology}' fails {len(report.failed)} of {len(report.outcomes)} checks"]
        lines += [f"{o.check} {o.status}: {o.why}" for o in report.failed]
        super().__init__("\n".join(lines))


def run_checks(cls: type[Technology], expected_failed_checks: Mapping[str, str] | None = None) -> Report:
    """Run the checks of a technology class. Raises SymarchError for an expected failure that makes no sense."""
    checks = {c.__name__: c for c in checks_for(cls)}
    expected = reasons(checks, expected_failed_checks)
    outcomes: list[Outcome] = []
    for name, check in checks.items():
        why = _run(check, cls)
        if name in expected:
            outcomes.append(
                Outcome(name, "expected", expected[name])
                if why
                else Outcome(name, "passed unexpectedly", f"it was expected to fail because {expected[name]}")
            )
        else:
            outcomes.append(Outcome(name, "failed" if why else "ok", why))
        if why and check is check_contract:  # the others would fail for this alone
            outcomes += [Outcome(n, "not run", "it is no technology yet") for n in list(checks)[len(outcomes) :]]
            break
    own = getattr(cls, "name", None)
    return Report(own if isinstance(own, str) else repr(cls), str(getattr(cls, "kind", "?")), tuple(outcomes))


def reasons(checks: Mapping[str, Any], expected: Mapping[str, str] | None) -> Mapping[str, str]:
    """Return the expected failures. Raises SymarchError for an unknown check, and for a failure without a reason."""
    for name, reason in (expected or {}).items():
        if name not in checks:
            raise SymarchError(f"unknown check '{name}' among the expected failures; {nearest(name, checks)}")
        if not isinstance(reason, str) or not reason.strip():
            raise SymarchError(f"the expected failure of {name} has no reason; write why it is to fail")
    return expected or {}


def _run(check: Check, cls: type[Technology]) -> str:
    """Run one check and return why it fails, empty if it passes."""
    try:
        check(cls)
    except SymarchError as error:
        return "; ".join(str(error).splitlines()) or type(error).__name__
    except FOREIGN as error:
        return f"{type(error).__name__}: {error}"
    return ""
