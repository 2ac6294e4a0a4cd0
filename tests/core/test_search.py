"""Searches find what trying everything finds, in as many runs as there are candidates, and say why others lost."""

from __future__ import annotations

import functools
import itertools
import json
from pathlib import Path
from typing import Any

import pytest

import symarch
from symarch.analysis import HIGHER_IS_BETTER
from symarch.cli import main
from symarch.errors import MappingError, SymarchError, UnitError, UnknownNameError, WorkloadError
from symarch.search import Found, Problem
from symarch.search.placement import Choice, Program, choice_of
from symarch.search.problem import Runner
from symarch.specs.resolved import resolved

DENSE = symarch.load_model("llama-3.1-8b")
LARGE = symarch.load_model("llama-3.1-70b")
MOE = symarch.load_model("qwen3-30b-a3b")

TIERS = """
format = 1
name = "tiers"
title = "A GPU with two stacks of HBM, flash on its own site and a pool of LPDDR behind a link"
source = "assumed"
[processor.gpu]
technology = "gpu"
preset = "h200-sxm"
prefetch = "step"
[memory.hbm]
technology = "hbm"
preset = "hbm3e"
stacks = 2
[memory.hbf]
technology = "hbf"
preset = "sandisk-gen1"
stacks = 1
[memory.pool]
technology = "lpddr5x"
[link.bus]
between = ["pool", "gpu"]
technology = "pcie"
[network.scale_up]
technology = "nvlink"
preset = "nvlink4"
topology = "switch"
size = 2
[mapping]
tensor = 2
place = "auto"
"""


@pytest.fixture(scope="module")
def tiers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("specs") / "tiers.toml"
    path.write_text(TIERS, encoding="utf-8")
    return path


def order(result: Any, objective: str, limits: dict[str, float]) -> tuple[int, float]:
    """Order a result as a search does: nothing broken, then no capacity broken; the others are left out."""
    broken = {c.name for c in result.constraints if not c.ok}
    if any(n.endswith(".capacity") for n in broken) or any(result.metrics[m] > v for m, v in limits.items()):
        return (2, 0.0)
    value = result.metrics[objective]
    return (1 if broken else 0, -value if objective in HIGHER_IS_BETTER else value)


@functools.cache
def evaluated(name: str, model: str, keys: frozenset[tuple[str, Any]], given: frozenset[tuple[str, int]]) -> Any:
    """Return the numbers of one mapping, stated key by key; None where it is refused."""
    try:
        analysis = symarch.analyze(symarch.load_system(name, dict(keys)), symarch.load_model(model))
        return analysis.evaluate(**dict(given))
    except MappingError:
        return None


def tried(name: str, model: Any, keys: dict[str, Any], objective: str, limits: dict[str, float] | None = None,
          **given: Any) -> tuple[int, float]:  # fmt: skip
    """Return the rank of one mapping, stated key by key; (3, 0) where it is refused."""
    found = evaluated(name, model.name, frozenset(keys.items()), frozenset(given.items()))
    return (3, 0.0) if found is None else order(found, objective, limits or {})


def rank(found: Found) -> tuple[int, float]:
    return found.chosen.rank(found.objective)


def agree(found: Found, best: tuple[int, float]) -> None:
    assert rank(found)[0] == best[0] < 2
    assert rank(found)[1] == pytest.approx(best[1], rel=1e-12)


# --- degrees

DIVISORS = (1, 2, 4, 8)


@pytest.mark.parametrize("objective", ["tpot", "ttft", "throughput", "energy_per_token", "power"])
def test_degrees_are_those_that_trying_all_finds(objective: str) -> None:
    best = (9, 0.0)
    for tensor, context, pipeline, data in itertools.product(DIVISORS, repeat=4):
        if tensor * context * pipeline * data != 8:
            continue
        for parts in {1} if pipeline == 1 else {1, *(pipeline * 2**k for k in range(4))}:
            keys = {"tensor": tensor, "context": context, "pipeline": pipeline, "data": data, "microbatches": parts}
            sets = {f"mapping.{k}": v for k, v in keys.items()}
            best = min(best, tried("h100-sxm-8", LARGE, sets, objective, batch=24, prompt=512, output=64))
    found = symarch.best_mapping(symarch.load_system("h100-sxm-8"), LARGE, objective, batch=24, prompt=512, output=64)
    agree(found, best)


def test_degrees_of_experts_are_those_that_trying_all_finds() -> None:
    best = (9, 0.0)
    for axes in itertools.product((1, 2, 4), repeat=5):
        tensor, context, sequences, pipeline, data = axes
        if tensor * context * sequences * pipeline * data != 4:
            continue
        for expert, parts in itertools.product((1, 2, 4), (1, 2, 4, 8, 16, 32) if pipeline > 1 else (1,)):
            if parts not in (1, *(pipeline * 2**k for k in range(4))):
                continue
            keys = dict(zip(("tensor", "context", "attention_data", "pipeline", "data"), axes, strict=True))
            sets = {f"mapping.{k}": v for k, v in {**keys, "expert": expert, "microbatches": parts}.items()}
            sets["scale_up.size"] = 4
            best = min(best, tried("h100-sxm-8", MOE, sets, "throughput", batch=64, prompt=512, output=64))
    system = symarch.load_system("h100-sxm-8", {"scale_up.size": 4, "mapping.tensor": "auto"})
    found = symarch.best_mapping(system, MOE, "throughput", batch=64, prompt=512, output=64)
    agree(found, best)


def test_limits_rule_candidates_out() -> None:
    system = symarch.load_system("h100-sxm-8", {"mapping.tensor": "auto"})
    free = symarch.best_mapping(system, DENSE, "throughput", batch=512)
    limit = 0.9 * free.metrics["tpot"]
    best = (9, 0.0)
    for tensor, context, pipeline in itertools.product(DIVISORS, repeat=3):
        if 8 % (tensor * context * pipeline):
            continue
        for parts in {1} if pipeline == 1 else {1, *(pipeline * 2**k for k in range(4))}:
            keys = {"tensor": tensor, "context": context, "pipeline": pipeline, "microbatches": parts,
                    "data": 8 // (tensor * context * pipeline)}  # fmt: skip
            sets = {f"mapping.{k}": v for k, v in keys.items()}
            best = min(best, tried("h100-sxm-8", DENSE, sets, "throughput", {"tpot": limit}, batch=512))
    found = symarch.best_mapping(system, DENSE, "throughput", batch=512, tpot_limit=limit)
    assert best[0] == 0
    agree(found, best)
    assert found.metrics["tpot"] <= limit
    lost = {c.words: c.lost for c in found.infeasible}
    assert any(words.startswith("tpot is") and "over" in words for words in lost.values())


def test_degrees_that_are_stated_stay() -> None:
    system = symarch.load_system("h100-sxm-8", {"mapping.tensor": "auto", "mapping.pipeline": 2})
    found = symarch.best_mapping(system, LARGE, batch=8)
    assert all(c.degrees["pipeline"] == 2 for c in (found.chosen, *found.runners_up, *found.infeasible))
    # one degree alone: the rest is what is left of the devices
    one = symarch.best_mapping(symarch.load_system("h100-sxm-32", {"mapping.pipeline": "auto"}), LARGE)
    assert {"tensor", "data"} <= {*one.chosen.degrees}
    assert one.asked == ("pipeline",)
    assert one.chosen.degrees["tensor"] == 8


def test_where_there_is_no_choice_there_is_one_candidate() -> None:
    for name, keys in (
        ("h100-sxm", {"mapping.tensor": "auto", "mapping.place": "auto"}),
        ("h100-sxm-8", {"mapping.expert": "auto", "mapping.microbatches": "auto"}),
    ):
        found = symarch.analyze(symarch.load_system(name, keys), DENSE).search
        assert found is not None
        assert found.candidates == 1
        assert found.runners_up == ()


def test_the_search_is_as_long_as_the_space_is_large() -> None:
    runs, sizes = [], []
    for devices in (8, 64, 512):
        system = symarch.load_system("h100-sxm-8", {"scale_up.size": devices, "mapping.tensor": "auto"})
        found = symarch.best_mapping(system, DENSE, batch=devices)
        sizes.append(found.candidates)
        runs.append(found.evaluations)
    assert sizes[2] > 10 * sizes[0]
    for run, size in zip(runs, sizes, strict=True):
        assert run <= size + 1  # one more finds out whether the objective exists


# --- places


def places(path: Path | str, model: Any, keys: dict[str, Any], memories: tuple[str, ...], classes: tuple[str, ...],
           objective: str, limits: dict[str, float] | None = None, **given: Any) -> tuple[int, float]:  # fmt: skip
    """Return the best rank over all placements, each stated and analysed."""
    best = (9, 0.0)
    for chosen in itertools.product(memories, repeat=len(classes)):
        sets = {**keys, **{f"mapping.place.{c}": m for c, m in zip(classes, chosen, strict=True)}}
        best = min(best, tried(str(path), model, sets, objective, limits, **given))
    return best


@pytest.mark.parametrize("stacks", [1, 4])
@pytest.mark.parametrize(
    "objective",
    ["tpot", "ttft", "request_time", "throughput", "throughput_per_user", "energy_per_token", "power"],
)
def test_places_are_those_that_trying_all_finds(tiers: Path, objective: str, stacks: int) -> None:
    keys: dict[str, Any] = {"hbm.stacks": stacks, "mapping.place.embeddings": "hbm"}
    given: dict[str, Any] = {"batch": 16, "prompt": 1024, "output": 128}
    due = places(tiers, DENSE, keys, ("hbm", "hbf", "pool"), ("weights", "kv_cache", "activations"), objective, **given)
    found = symarch.best_mapping(symarch.load_system(str(tiers), keys), DENSE, objective, **given)
    agree(found, due)
    assert found.candidates == 27


@pytest.mark.parametrize("overlap", ["1", "2"])
def test_experts_lie_apart_from_the_weights(tiers: Path, overlap: str) -> None:
    keys: dict[str, Any] = {"hbm.stacks": 1, "gpu.overlap": overlap, "mapping.place.embeddings": "hbm"}
    given: dict[str, Any] = {"batch": 32, "prompt": 512, "output": 128}
    classes = ("weights", "experts", "kv_cache", "activations")
    due = places(tiers, MOE, keys, ("hbm", "hbf", "pool"), classes, "tpot", **given)
    found = symarch.best_mapping(symarch.load_system(str(tiers), keys), MOE, "tpot", **given)
    agree(found, due)
    assert found.candidates == 81
    # the program runs the model for what operators touch together, not for every placement
    assert found.evaluations < found.candidates


def test_a_limit_on_a_phase_is_a_row_of_the_program(tiers: Path) -> None:
    classes = ("weights", "kv_cache", "activations")
    given: dict[str, Any] = {"batch": 16, "prompt": 1024, "output": 128}
    keys: dict[str, Any] = {"hbm.stacks": 1, "mapping.place.embeddings": "hbm"}
    system = symarch.load_system(str(tiers), keys)
    free = symarch.best_mapping(system, DENSE, "energy_per_token", **given)
    limit = 0.999 * free.metrics["tpot"]
    due = places(tiers, DENSE, keys, ("hbm", "hbf", "pool"), classes, "energy_per_token",
                 {"tpot": limit}, **given)  # fmt: skip
    found = symarch.best_mapping(system, DENSE, "energy_per_token", tpot_limit=limit, **given)
    assert rank(found)[0] == due[0]
    if due[0] < 2:
        agree(found, due)


def test_embeddings_lie_apart_from_the_weights(tiers: Path) -> None:
    given: dict[str, Any] = {"batch": 16, "prompt": 1024, "output": 128}
    classes = ("weights", "kv_cache", "activations", "embeddings")
    due = places(tiers, DENSE, {"hbm.stacks": 1}, ("hbm", "pool"), classes, "tpot", **given)
    keys: dict[str, Any] = {"hbm.stacks": 1, "hbf.read_time": "1 s"}  # nothing is better off in flash that slow
    found = symarch.best_mapping(symarch.load_system(str(tiers), keys), DENSE, "tpot", **given)
    agree(found, due)
    assert found.candidates == 81
    assert "place.embeddings" in found.asked


def program_of(path: Path, model: Any, objective: str, batch: float = 16) -> tuple[Program, Choice]:
    system = symarch.load_system(str(path))
    closed = symarch.analyze(symarch.load_system(str(path), dict.fromkeys(
        ("mapping.place.weights", "mapping.place.kv_cache", "mapping.place.activations"), "hbm")), model)  # fmt: skip
    free = symarch.analyze(system, model, at={"batch": batch})
    assert free.search is not None
    runner = Runner(
        Problem(system, model, lambda s: closed.on(s).request(), {"batch": batch, "prompt": 2048, "output": 256},
                objective, {}, batch)
    )  # fmt: skip
    mapping = closed.recorded().mapping
    choice = choice_of(runner, system, mapping)
    return Program(runner, choice, batch), choice


@pytest.mark.parametrize("objective", ["tpot", "ttft", "request_time", "throughput", "energy_per_token"])
def test_the_program_gives_the_value_of_the_model_at_every_placement(tiers: Path, objective: str) -> None:
    from symarch.search.placement import _Rows

    program, choice = program_of(tiers, MOE, objective)
    assert program.linear
    rows = _Rows(program)
    for chosen in itertools.product(*choice.options):
        exact = program._cost(float(program.model(chosen).metrics[objective]))
        assert rows.value(chosen) == pytest.approx(exact, rel=1e-9)


def test_a_pipeline_is_no_sum_and_power_no_objective_of_a_program(tiers: Path) -> None:
    assert not program_of(tiers, DENSE, "power")[0].linear
    keys: dict[str, Any] = {"mapping.tensor": 1, "mapping.pipeline": 2, "mapping.place.embeddings": "hbm"}
    given: dict[str, Any] = {"batch": 16, "prompt": 1024, "output": 128}
    due = places(tiers, DENSE, keys, ("hbm", "hbf", "pool"), ("weights", "kv_cache", "activations"), "tpot", **given)
    agree(symarch.best_mapping(symarch.load_system(str(tiers), keys), DENSE, "tpot", **given), due)


def test_degrees_and_places_are_searched_together(tiers: Path) -> None:
    keys: dict[str, Any] = {"hbm.stacks": 1, "mapping.place.embeddings": "hbm"}
    given: dict[str, Any] = {"batch": 16, "prompt": 1024, "output": 128}
    best = (9, 0.0)
    for tensor, context, pipeline in itertools.product((1, 2), repeat=3):
        if tensor * context * pipeline > 2:
            continue
        for parts in {1} if pipeline == 1 else {1, 2, 4, 8, 16}:
            degrees = {"tensor": tensor, "context": context, "pipeline": pipeline, "microbatches": parts}
            sets = keys | {f"mapping.{k}": v for k, v in degrees.items()}
            sets["mapping.data"] = 2 // (tensor * context * pipeline)
            classes = ("weights", "kv_cache", "activations")
            best = min(best, places(tiers, DENSE, sets, ("hbm", "hbf", "pool"), classes, "tpot", **given))
    system = symarch.load_system(str(tiers), {**keys, "mapping.tensor": "auto"})
    agree(symarch.best_mapping(system, DENSE, "tpot", **given), best)


def test_one_class_alone_can_be_open(tiers: Path) -> None:
    keys: dict[str, Any] = {"mapping.place.kv_cache": "hbf", "mapping.place.activations": "hbm",
                            "mapping.place.embeddings": "hbm"}  # fmt: skip
    found = symarch.best_mapping(symarch.load_system(str(tiers), keys), DENSE)
    assert [*found.chosen.place] == ["weights"]
    assert found.system.place["kv_cache"] == "hbf"
    assert found.asked == ("place.weights",)


# --- batch


@functools.cache
def filled(keys: frozenset[tuple[str, Any]], most: int) -> list[Any]:
    """Return the numbers of every batch from 1 on."""
    analysis = symarch.analyze(symarch.load_system("h100-sxm-8", dict(keys)), DENSE)
    return [analysis.evaluate(batch=batch, prompt=32768, output=256) for batch in range(1, most)]


@pytest.mark.parametrize("degrees", [{}, {"mapping.tensor": 1, "mapping.data": 8}, {"mapping.tensor": 2}])
@pytest.mark.parametrize("limits", [{}, {"tpot": 0.0195}, {"ttft": 4.5}, {"tpot": 0.03, "ttft": 5.2}])
def test_the_batch_is_the_largest_of_all_that_fit(degrees: dict[str, int], limits: dict[str, float]) -> None:
    keys = {**degrees, "hbm.stacks": 2}
    ranks = [order(result, "throughput", limits)[0] for result in filled(frozenset(keys.items()), 64)]
    due = max(batch for batch, rank in enumerate(ranks, start=1) if rank < 2)
    assert due < 63  # something binds
    found = symarch.best_mapping(
        symarch.load_system("h100-sxm-8", keys), DENSE, batch="auto",
        tpot_limit=limits.get("tpot"), ttft_limit=limits.get("ttft"), prompt=32768, output=256,
    )  # fmt: skip
    assert found.batch == due
    assert found.objective == "throughput"
    assert found.asked == ("batch",)


def test_batch_degrees_and_places_together(tiers: Path) -> None:
    given: dict[str, Any] = {"prompt": 2048, "output": 128}
    system = symarch.load_system(str(tiers), {"mapping.tensor": "auto", "hbm.stacks": 1})
    found = symarch.best_mapping(system, DENSE, batch="auto", tpot_limit="30 ms", **given)
    assert found.metrics["tpot"] <= 0.03
    fixed = symarch.analyze(found.system, DENSE)
    result = fixed.evaluate(batch=found.batch, **given)
    assert result.tpot == pytest.approx(found.metrics["tpot"], rel=1e-12)
    data = found.chosen.degrees.get("data", 1)
    more = fixed.evaluate(batch=found.batch + data, **given)
    assert more.tpot is not None
    assert more.tpot > 0.03 or not all(c.ok for c in more.constraints if c.name.endswith("capacity"))


# --- what it says


def test_why_the_runner_up_lost_is_a_metric_or_a_constraint() -> None:
    system = symarch.load_system("h100-sxm-8", {"mapping.tensor": "auto"})
    found = symarch.best_mapping(system, LARGE, batch=8)
    assert found.chosen.lost == ""
    for candidate in found.runners_up:
        assert candidate.lost.startswith("tpot ")
        assert candidate.metrics["tpot"] >= found.metrics["tpot"]
    for candidate in found.infeasible:
        assert candidate.lost.startswith("hbm.capacity needs")
        assert not candidate.metrics
    assert found.feasible
    assert "chosen for the least tpot" in found.summary


def test_where_nothing_fits_it_says_what_fails_least() -> None:
    system = symarch.load_system("h100-sxm-8", {"mapping.tensor": "auto"})
    found = symarch.best_mapping(system, symarch.load_model("llama-3.1-405b"), batch=8)
    assert not found.feasible
    assert found.summary.startswith("nothing fits")
    assert found.chosen.metrics["tpot"] > 0
    worst = found.chosen.broken[0]
    assert worst.name == "hbm.capacity"
    for other in found.infeasible:
        assert max(b.excess for b in other.broken) >= worst.excess


def test_an_analysis_says_what_was_chosen() -> None:
    system = symarch.load_system("h100-sxm-8", {"mapping.tensor": "auto"})
    analysis = symarch.analyze(system, LARGE, at={"batch": 64})
    assert analysis.search is not None
    assert analysis.system.auto == frozenset()
    result = analysis.evaluate(batch=64)
    assert result.assumptions[0] == analysis.search.summary
    assert result.tpot == pytest.approx(analysis.search.metrics["tpot"], rel=1e-12)
    assert symarch.analyze(symarch.load_system("h100-sxm-8"), LARGE).search is None


# --- bad input


def test_bad_questions_are_refused() -> None:
    stated, system = symarch.load_system("h100-sxm-8"), symarch.load_system("h100-sxm-8", {"mapping.tensor": "auto"})
    with pytest.raises(UnknownNameError, match="unknown objective 'tpto'; did you mean 'tpot'"):
        symarch.best_mapping(system, DENSE, "tpto")
    with pytest.raises(WorkloadError, match="ttft does not exist in phase decode"):
        symarch.best_mapping(system, DENSE, "ttft", phase="decode")
    with pytest.raises(WorkloadError, match="ttft does not exist in phase decode"):
        symarch.best_mapping(system, DENSE, ttft_limit="1 s", phase="decode")
    with pytest.raises(UnitError):
        symarch.best_mapping(system, DENSE, tpot_limit="20 GB")
    with pytest.raises(WorkloadError, match="above 0"):
        symarch.best_mapping(system, DENSE, tpot_limit=-1)
    with pytest.raises(WorkloadError, match="nothing is left to a search"):
        symarch.analyze(stated, DENSE, objective="tpot")
    with pytest.raises(WorkloadError, match="nothing is left to a search"):
        symarch.analyze(stated, DENSE, limits={"tpot": "20 ms"})
    with pytest.raises(SymarchError, match="left to a search"):
        symarch.mapping.resolve(system, DENSE)
    with pytest.raises(MappingError, match="does not divide"):
        symarch.best_mapping(symarch.load_system("h100-sxm-8", {"mapping.tensor": "3", "mapping.data": "auto"}), DENSE)


# --- specs


def test_an_automatic_tensor_leaves_all_degrees_open_that_are_not_stated_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text('format = 1\nextends = "gb200-nvl72"\n[mapping]\ntensor = "auto"\npipeline = 3\n', encoding="utf-8")
    degrees = {"tensor", "context", "attention_data", "expert", "data", "microbatches"}
    system = symarch.load_system(str(path))
    assert system.auto == degrees
    assert system.pipeline == 3
    assert system.data is None
    child = tmp_path / "child.toml"
    child.write_text('format = 1\nextends = "own.toml"\n[mapping]\ndata = 2\n', encoding="utf-8")
    assert symarch.load_system(str(child)).auto == degrees - {"data"}
    again = tmp_path / "again.toml"
    again.write_text(resolved(system), encoding="utf-8")
    assert symarch.load_system(str(again)).auto == degrees
    assert symarch.load_system(str(path), {"mapping.tensor": 8}).auto == degrees - {"tensor"}


def test_settings_open_the_mapping() -> None:
    assert symarch.load_system("gb200-nvl72", {"mapping.tensor": "auto"}).auto == {
        "tensor", "context", "attention_data", "expert", "pipeline", "data", "microbatches",
    }  # fmt: skip
    both = symarch.load_system("gb200-nvl72", {"mapping.tensor": "auto", "mapping.data": 3})
    assert "data" not in both.auto
    assert both.data == 3
    only = symarch.load_system("gb200-nvl72", {"mapping.pipeline": "auto"})
    assert only.auto == {"pipeline"}
    assert (only.tensor, only.data) == (8, 9)
    placed = symarch.load_system("h200-hbf-8", {"mapping.place": "auto", "mapping.place.kv_cache": "hbm"})
    assert "place.kv_cache" not in placed.auto
    assert placed.place == {"kv_cache": "hbm"}
    with pytest.raises(SymarchError, match="unknown memory 'hbn'; did you mean 'hbm'"):
        symarch.load_system("h200-hbf-8", {"mapping.place.kv_cache": "hbn"})
    with pytest.raises(SymarchError, match="it must be auto"):
        symarch.load_system("h200-hbf-8", {"mapping.place": "hbm"})
    assert "place.weights" in symarch.load_system("h200-hbf-8", {"mapping.place.weights": "auto"}).auto


# --- the command line


def run(*arguments: str) -> int:
    try:
        main([*arguments])
    except SystemExit as stopped:
        return int(stopped.code or 0)
    return 0


def test_run_prints_what_it_chose_and_why_others_lost(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["run", "h100-sxm-8", "--model", "llama-3.1-70b", "--set", "mapping.tensor=auto", "--batch", "8"]
    assert run(*command) == 0
    text = capsys.readouterr().out
    assert "Chosen automatically" in text
    assert "Why others lost" in text
    assert run(*command, "--json") == 0
    data = json.loads(capsys.readouterr().out)["search"]
    assert data["objective"] == "tpot"
    chosen, runner_up, *_, unfit = data["candidates"]
    assert chosen["role"] == "chosen" and chosen["degrees"]["tensor"] == 8
    assert runner_up["role"] == "runner-up" and runner_up["lost"].startswith("tpot")
    assert unfit["role"] == "infeasible" and unfit["broken"][0]["name"] == "hbm.capacity"


def test_a_batch_left_open_is_the_batch_of_the_answer(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["run", "h100-sxm-8", "--model", "llama-3.1-70b", "--batch", "auto", "--tpot-limit", "20ms"]
    assert run(*command, "--json") == 0
    data = json.loads(capsys.readouterr().out)
    assert data["workload"]["batch"] == data["search"]["candidates"][0]["batch"] > 1
    assert data["metrics"]["tpot"]["value"] <= 0.02
    assert data["search"]["limits"] == [{"metric": "tpot", "value": 0.02, "unit": "s"}]
    assert run("explain", *command[1:]) == 0
    assert f"batch {data['workload']['batch']}" in capsys.readouterr().err


def test_a_limit_that_nothing_meets_exits_with_1_under_strict(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["run", "h100-sxm-8", "--model", "llama-3.1-70b", "--batch", "auto", "--tpot-limit", "1ms"]
    assert run(*command) == 0
    assert "nothing fits" in capsys.readouterr().out
    assert run(*command, "--strict") == 1
    assert "infeasible: tpot" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "h100-sxm-8", "--batch", "many"], "'many' is not a whole number, nor auto"),
        (["run", "h100-sxm-8", "--tpot-limit", "20ms"], "nothing is left to a search"),
        (["run", "h100-sxm-8", "--batch", "auto", "--tpot-limit", "fast"], "fast"),
        (["compare", "h100-sxm-8", "h200-sxm-8", "--batch", "auto"], "for one system"),
    ],
)
def test_bad_options_are_one_sentence(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*arguments, "--model", "llama-3.1-8b") == 2
    assert words in capsys.readouterr().err


def test_systems_are_compared_each_with_its_own_mapping(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("compare", "h100-sxm-8", "h200-sxm-8", "--model", "llama-3.1-70b", "--set", "mapping.tensor=auto") == 0
    told = capsys.readouterr().err
    assert told.count("chosen for the least tpot") == 2
