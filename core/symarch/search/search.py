"""The search: every division of the devices, the best placement of each, at the batch that is given or fits."""

from __future__ import annotations

import attrs

from symarch.search.batch import fullest
from symarch.search.degrees import Divided, divisions
from symarch.search.found import Candidate, Found, why
from symarch.search.placement import best_places, choice_of
from symarch.search.problem import Problem, Runner, check_metric, open_classes
from symarch.specs.systems import DEGREES

SHOWN = 5
"""Runners-up, and examples of what does not fit, that are kept."""


def search(problem: Problem) -> Found:
    """Choose the mapping of a problem, and the batch where it is open.

    Candidates are all products of the open degrees that model and devices allow, each with the best placement. One that
    breaks no constraint comes before one that does, one that breaks a capacity or a limit comes last.

    Raises MappingError if no division is allowed, WorkloadError or UnknownNameError for an objective or a limit that
    makes no sense.
    """
    runner = Runner(problem)
    divided, refused = divisions(problem.system, problem.model, problem.batch)
    placing = any(key.startswith("place.") for key in problem.system.auto)
    _check(runner, divided[0])
    found: list[Candidate] = []
    count = 0
    for one in divided:
        if placing:
            choice = choice_of(runner, one.system, one.mapping)
            best, ways = best_places(runner, choice, problem.batch)
            found += best
            count += ways
            continue
        count += 1
        if problem.batch is None:
            found.append(fullest(runner, one.system))
        else:
            found.append(runner.judged(one.system, problem.batch))
    found.sort(key=lambda c: c.rank(problem.objective))
    chosen = runner.complete(found[0])
    fitting = [runner.complete(c) for c in found[1:] if c.fits][:SHOWN]
    unfit = [c for c in found if not c.fits and c is not found[0]]
    asked = [k for k in DEGREES if k in problem.system.auto]
    asked += [f"place.{t}" for t in open_classes(problem.system, problem.model)]
    return Found(
        objective=problem.objective,
        limits=problem.limits,
        asked=(*asked, *(["batch"] if problem.batch is None else [])),
        chosen=chosen,
        runners_up=tuple(attrs.evolve(c, lost=why(chosen, c, problem.objective)) for c in fitting),
        infeasible=tuple(attrs.evolve(c, lost=why(chosen, c, problem.objective)) for c in unfit[:SHOWN]),
        candidates=count,
        unfit=sum(not c.fits for c in found),
        refused=refused,
        evaluations=runner.evaluations,
    )


def _check(runner: Runner, one: Divided) -> None:
    """Raise an error if the objective or a limit makes no sense."""
    problem = runner.problem
    system = one.system
    if system.auto:
        choice = choice_of(runner, system, one.mapping)
        system = choice.at(tuple(option[0] for option in choice.options))
    model = runner.run(system, one.mapping.data if problem.batch is None else problem.batch)
    for metric in (*problem.limits, problem.objective):
        check_metric(metric, model, problem.request(system).phases)
