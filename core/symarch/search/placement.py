"""Where the tensor classes lie: a mixed-integer program whose coefficients the model itself gives.

Let y[c, m] say that class c lies in memory m. An operator touches few classes, so its time is one of a few: with S the
classes that some operators touch and a each way to place them, x[S, a] chooses one, and

    minimise    sum of T[S, a] x[S, a]         T: their time, the model run with that placement
    with        sum over a of x[S, a] = 1,     sum over the a with c in m of x[S, a] = y[c, m],     sum over m of y = 1
    and         used - limit <= 0 for the capacity of each memory, which is linear in y,
                the time of a phase <= its limit where one is asked for.

It is exact where a phase is the sum of its operators' times. The first access of a step, where data are requested ahead
across operators, waits for the slowest memory: F >= g[c, m] y[c, m]. Dynamic energies add up class by class, and static
power is paid for the time of the phases. What the program does not know, wear or the limit on power, the model checks:
a placement that breaks it is cut off and the program solved again. Where a phase is no such sum, as in a pipeline, and
for objectives that are none, every placement is run.
"""

from __future__ import annotations

import itertools
from functools import cached_property
from typing import Any

import attrs

from symarch.analysis import Model
from symarch.analysis.limits import static_powers
from symarch.analysis.record import workload_of
from symarch.errors import MappingError
from symarch.mapping import Mapping as Placed
from symarch.mapping import resolve
from symarch.program import total
from symarch.search.batch import fullest
from symarch.search.found import Candidate
from symarch.search.problem import Runner, open_classes
from symarch.specs import System
from symarch.specs.placement import FOLLOWING
from symarch.trace.parts import EMBEDDINGS

MOST_PLACEMENTS = 4096
"""Placements that are run one by one at most."""

FEW = 64
"""Placements up to which the capacities of all are looked at before the model is run with any."""

MOST_CUTS = 64
"""Placements that are cut off at most, one after the other, for what the program does not know."""

SCALE = 1e6
"""What the objective is of the order of: the solver stops at an absolute gap of 1e-6."""

AGREE = 1e-9
"""Relative difference between program and model beyond which the program does not describe it."""

ADDED = ("hidden_communication", "pipeline_wait")
"""Lines of a phase that are no operator's time."""

Places = tuple[str, ...]
"""The memory of each open class, in order."""


def placed(system: System, classes: tuple[str, ...], places: Places) -> System:
    """Return the system with the open classes placed."""
    place = {**system.place, **dict(zip(classes, places, strict=True))}
    return attrs.evolve(system, place=place, auto=frozenset())


@attrs.frozen
class Choice:
    """What can be chosen.

    Attributes:
        system: with its degrees, the classes still open.
        classes: the open classes that the model has.
        options: the memories of each that the processor reaches.
    """

    system: System
    classes: tuple[str, ...]
    options: tuple[Places, ...]

    def at(self, places: Places) -> System:
        """Return the system with the classes placed."""
        return placed(self.system, self.classes, places)

    @property
    def count(self) -> int:
        """Return the number of placements."""
        found = 1
        for option in self.options:
            found *= len(option)
        return found


def choice_of(runner: Runner, system: System, mapping: Placed) -> Choice:
    """Return what can be chosen of a system whose degrees are. Raises MappingError if there is nothing."""
    classes = open_classes(system, runner.problem.model)
    on = {mapping.processor, *mapping.run.values()}
    reached = tuple(m for m in runner.graph.memories if all((p, m) in runner.graph.paths for p in on))
    if not reached:
        raise MappingError(f"no memory of {system.name} is reached by all of {', '.join(sorted(on))}")
    return Choice(system, classes, tuple(reached for _ in classes))


def best_places(runner: Runner, choice: Choice, batch: float | None) -> tuple[list[Candidate], int]:
    """Return the best placements, the best first, and how many there are in all.

    Raises MappingError if they are too many to be run one by one where they have to be.
    """
    every = itertools.product(*choice.options)
    if batch is not None and not choice.classes:
        return [runner.judged(choice.at(()), batch)], 1
    if batch is not None and choice.count <= FEW and all(runner.overfull(choice.at(p), batch) for p in every):
        found = [runner.judged(choice.at(p), batch) for p in itertools.product(*choice.options)]
        return sorted(found, key=lambda c: c.rank(runner.problem.objective)), choice.count
    if batch is not None:
        program = Program(runner, choice, batch)
        if program.linear:
            found = program.solved()
            if found:
                return found, choice.count
    if choice.count > MOST_PLACEMENTS:
        raise MappingError(
            f"{choice.count} placements would have to be run one by one, more than {MOST_PLACEMENTS}: the objective or "
            "the mapping allows no linear program; place some classes"
        )
    found = []
    for places in itertools.product(*choice.options):
        system = choice.at(places)
        found.append(fullest(runner, system) if batch is None else runner.judged(system, batch))
    return sorted(found, key=lambda c: c.rank(runner.problem.objective)), choice.count


class Program:
    """The program of one choice at one batch."""

    def __init__(self, runner: Runner, choice: Choice, batch: float) -> None:
        self.runner, self.choice, self.batch = runner, choice, batch
        self.models: dict[Places, Model] = {}
        self.weights = _weights(runner)
        self.base = min(
            (tuple(option[k] for option in choice.options) for k in range(len(choice.options[0]))),
            key=lambda places: _first_access(self.model(places)),
        )

    def model(self, places: Places) -> Model:
        """Return the model with a placement."""
        if places not in self.models:
            self.models[places] = self.runner.run(self.choice.at(places), self.batch)
        return self.models[places]

    @property
    def linear(self) -> bool:
        """Return whether the objective is a sum over operators, and energies over classes; no mixed step is one."""
        request = self.runner.problem.request(self.choice.system)
        return (
            self.weights is not None
            and not request.continuous
            and not any(o.name in ADDED for o in self.model(self.base).operators)
        )

    @cached_property
    def touched(self) -> dict[tuple[str, str], frozenset[int]]:
        """Return the open classes, by position, that each operator of a phase touches."""
        system = self.choice.at(self.base)
        runner, model = self.runner, self.runner.problem.model
        request = runner.problem.request(system)
        workload = workload_of(request, lambda name: self.batch if name == "batch" else runner.known[name])
        mapping = resolve(system, model)
        found: dict[tuple[str, str], frozenset[int]] = {}
        for phase in request.phases:
            step = workload.step(phase, mapping.together(workload.batch), workload.mean(phase))
            for operator in model.operators(step, mapping.shard):
                owners = {self._owner(EMBEDDINGS if a.part == EMBEDDINGS else a.tensor) for a in operator.accesses}
                own = frozenset(o for o in owners if o is not None)
                found[phase, operator.name] = found.get((phase, operator.name), frozenset()) | own
        return found

    def _owner(self, tensor: str) -> int | None:
        """Return the position of the open class that decides where a tensor lies, None if it is decided."""
        if tensor in self.choice.classes:
            return self.choice.classes.index(tensor)
        other = "weights" if tensor == EMBEDDINGS else FOLLOWING.get(tensor)
        if tensor in self.choice.system.place or other is None:
            return None
        return self._owner(other)

    @cached_property
    def sets(self) -> list[frozenset[int]]:
        """Return the largest sets of classes that some operator touches."""
        known = {s for s in self.touched.values() if s} | {frozenset({k}) for k in range(len(self.choice.classes))}
        return sorted((s for s in known if not any(s < other for other in known)), key=sorted)

    def ways(self, own: frozenset[int]) -> list[Places]:
        """Return the ways to place some classes, the others as in the base."""
        options = [o if k in own else (self.base[k],) for k, o in enumerate(self.choice.options)]
        return list(itertools.product(*options))

    def alone(self, position: int, memory: str) -> Places:
        """Return the base with one class elsewhere."""
        return tuple(memory if k == position else m for k, m in enumerate(self.base))

    def solved(self) -> list[Candidate]:
        """Return the best placements, the best first; none if none fits or the program does not describe the model.

        The second is the best of the others. Placements that break what the program does not know follow.
        """
        rows = _Rows(self)
        found: list[Candidate] = []
        cuts: list[Places] = []
        held = 0
        while held < 2 and len(cuts) < MOST_CUTS:
            answer = rows.solve(cuts)
            if answer is None:
                break
            places, value = answer
            one = self.runner.judged(self.choice.at(places), self.batch, self.model(places))
            exact = one.metrics[self.runner.problem.objective]
            if abs(self._cost(exact) / value - 1) > AGREE:
                return []
            found.append(one)
            cuts.append(places)
            held += not one.broken
        if found and (free := rows.solve([], capacities=False)) is not None and free[0] not in cuts:
            # what would be better if the memories were larger: why it is not taken is worth a line
            found.append(self.runner.judged(self.choice.at(free[0]), self.batch, self.model(free[0])))
        return sorted(found, key=lambda c: c.rank(self.runner.problem.objective))

    def _cost(self, value: float) -> float:
        """Return what the program minimises, for a value of the objective."""
        objective = self.runner.problem.objective
        if objective == "throughput_per_user":
            return 1 / value
        if objective == "throughput":
            return self.tokens / value
        return value

    @cached_property
    def tokens(self) -> float:
        """Return the tokens that throughput counts."""
        metrics = self.model(self.base).metrics
        return float(metrics["throughput"]) * self.elapsed(self.model(self.base))

    def elapsed(self, model: Model) -> float:
        """Return the time that energy is counted over."""
        for name in ("request_time", "tpot", "ttft"):
            if name in model.metrics:
                return float(model.metrics[name])
        raise AssertionError("a model has a phase")

    def dynamic(self, places: Places, per_second: float) -> float:
        """Return the part of the energy per token that does not grow with time."""
        model = self.model(places)
        return float(model.metrics["energy_per_token"]) - per_second * self.elapsed(model)

    @cached_property
    def idle(self) -> float:
        """Return the energy per token that each second costs [J/s]."""
        powers = [p for p in static_powers(self.runner.graph).values() if p is not None]
        return float(self.choice.system.devices * total(powers)) / self.tokens


def _weights(runner: Runner) -> dict[str, float] | None:
    """Return how often each phase counts in the objective; None where it is no sum."""
    objective = runner.problem.objective
    phases = runner.problem.request(runner.problem.system).phases
    whole: dict[str, float] = dict.fromkeys(phases, 1.0)
    if len(phases) == 2:
        whole["decode"] = float(runner.known["output"] - 1)
    return {
        "ttft": {"prefill": 1.0},
        "tpot": {"decode": 1.0},
        "throughput_per_user": {"decode": 1.0},
        "request_time": whole,
        "throughput": whole,
        "energy_per_token": whole,
    }.get(objective)


def _first_access(model: Model) -> float:
    return sum(float(o.time * o.count) for o in model.operators if o.name == "first_access")


class _Rows:
    """The program in numbers: variables y by class and memory, x by set and way, F by phase."""

    def __init__(self, program: Program) -> None:
        self.program = program
        choice = program.choice
        self.y = {(k, m): None for k, option in enumerate(choice.options) for m in option}
        self.x = {(s, w): None for s in program.sets for w in program.ways(s)}
        phases = list(program.runner.problem.request(choice.system).phases)
        self.index: dict[Any, int] = {key: n for n, key in enumerate([*self.y, *self.x, *phases])}
        self.phases = phases
        self.times = {phase: {key: self._time(phase, key) for key in self.x} for phase in phases}
        self.fixed = {phase: self._fixed(phase) for phase in phases}
        self.costs, self.constant = self._objective()

    def _time(self, phase: str, key: tuple[frozenset[int], Places]) -> float:
        own, places = key
        program, found = self.program, 0.0
        for o in program.model(places).operators:
            touched = program.touched.get((o.phase, o.name), frozenset())
            if touched and o.phase == phase and next(s for s in program.sets if touched <= s) == own:
                found += float(o.time * o.count)
        return found

    def _fixed(self, phase: str) -> float:
        """Return the time of the operators that touch no open class."""
        program = self.program
        return sum(
            float(o.time * o.count)
            for o in program.model(program.base).operators
            if o.phase == phase and o.name != "first_access" and not program.touched.get((o.phase, o.name))
        )

    def _objective(self) -> tuple[list[float], float]:
        """Return the cost of each variable, and what is there whatever is chosen."""
        program = self.program
        costs, constant = [0.0] * len(self.index), 0.0
        energy = program.runner.problem.objective == "energy_per_token"
        each = program.idle if energy else 1.0
        for phase, weight in (program.weights or {}).items():
            constant += each * weight * self.fixed[phase]
            costs[self.index[phase]] += each * weight
            for key, time in self.times[phase].items():
                costs[self.index[key]] += each * weight * time
        if energy:
            base = program.dynamic(program.base, each)
            constant += base
            for k, memory in self.y:
                costs[self.index[k, memory]] += program.dynamic(program.alone(k, memory), each) - base
        return costs, constant

    def _phase_rows(self) -> list[tuple[dict[int, float], float]]:
        """Return rows that are at most a bound: the waiting for first accesses, and limits on the time of a phase."""
        rows = []
        for phase in self.phases:
            for k, memory in self.y:
                waits = self._waits(phase, k, memory)
                if waits > 0:
                    rows.append(({self.index[k, memory]: 1.0, self.index[phase]: -1 / waits}, 0.0))
        for metric, limit in self.program.runner.problem.limits.items():
            phase = "prefill" if metric == "ttft" else "decode"
            row = {self.index[key]: time / limit for key, time in self.times[phase].items()}
            rows.append((row | {self.index[phase]: 1 / limit}, 1 - self.fixed[phase] / limit))
        return rows

    def _waits(self, phase: str, position: int, memory: str) -> float:
        model = self.program.model(self.program.alone(position, memory))
        return sum(float(o.time * o.count) for o in model.operators if (o.phase, o.name) == (phase, "first_access"))

    def _capacity_rows(self) -> list[tuple[dict[int, float], float]]:
        """Return used - limit <= 0 of each memory, over its limit in the base."""
        program, rows = self.program, []

        def over(places: Places) -> dict[str, float]:
            return {c.name: float(c.used - c.limit) for c in program.model(places).constraints
                    if c.name.endswith(".capacity")}  # fmt: skip

        base = over(program.base)
        limits = {c.name: float(c.limit) for c in program.model(program.base).constraints}
        for name, value in base.items():
            row = {
                self.index[k, memory]: (over(program.alone(k, memory))[name] - value) / limits[name]
                for k, memory in self.y
            }
            rows.append((row, -value / limits[name]))
        return rows

    def solve(self, cuts: list[Places], capacities: bool = True) -> tuple[Places, float] | None:
        """Return the best placement but for those cut off, and what it costs; None if none fits."""
        import numpy as np
        from scipy.optimize import Bounds, LinearConstraint, milp
        from scipy.sparse import coo_array

        program, choice = self.program, self.program.choice
        rows: list[tuple[dict[int, float], float, float]] = []
        for k, option in enumerate(choice.options):
            rows.append(({self.index[k, m]: 1.0 for m in option}, 1.0, 1.0))
        for own in program.sets:
            ways = program.ways(own)
            rows.append(({self.index[own, w]: 1.0 for w in ways}, 1.0, 1.0))
            for k in sorted(own):
                for memory in choice.options[k]:
                    row = {self.index[own, w]: 1.0 for w in ways if w[k] == memory}
                    rows.append((row | {self.index[k, memory]: -1.0}, 0.0, 0.0))
        bounded = self._phase_rows() + (self._capacity_rows() if capacities else [])
        rows += [(row, -np.inf, bound) for row, bound in bounded]
        for places in cuts:
            row = {self.index[k, m]: 1.0 for k, m in enumerate(places)}
            rows.append((row, -np.inf, len(places) - 1.0))
        entries = [(r, c, v) for r, (row, _, _) in enumerate(rows) for c, v in row.items()]
        matrix = coo_array(
            ([v for _, _, v in entries], ([r for r, _, _ in entries], [c for _, c, _ in entries])),
            shape=(len(rows), len(self.index)),
        )
        size = max(abs(c) for c in self.costs) or 1.0
        whole = np.zeros(len(self.index))
        whole[: len(self.y)] = 1
        upper = np.ones(len(self.index))
        upper[len(self.y) + len(self.x) :] = np.inf
        answer = milp(
            np.array(self.costs) * (SCALE / size),
            integrality=whole,
            bounds=Bounds(np.zeros(len(self.index)), upper),
            constraints=LinearConstraint(matrix.tocsr(), [r[1] for r in rows], [r[2] for r in rows]),
            options={"mip_rel_gap": 0.0},
        )
        if answer.x is None:
            return None
        places = tuple(max(option, key=lambda m: answer.x[self.index[k, m]]) for k, option in enumerate(choice.options))
        return places, self.value(places)

    def value(self, places: Places) -> float:
        """Return what a placement costs, from the coefficients alone."""
        program, found = self.program, self.constant
        for k, memory in enumerate(places):
            found += self.costs[self.index[k, memory]]
        for own in program.sets:
            way = tuple(m if k in own else program.base[k] for k, m in enumerate(places))
            found += self.costs[self.index[own, way]]
        for phase in self.phases:
            waits = max(self._waits(phase, k, memory) for k, memory in enumerate(places))
            found += self.costs[self.index[phase]] * waits
        return found
