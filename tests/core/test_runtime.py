"""The serving runtime: what it adds to each metric, and that nothing is counted twice."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

import symarch
from symarch.api import DEVICES_ALONE
from symarch.errors import SpecError, SymarchError, UnknownNameError
from symarch.specs import presets_of, resolved
from symarch.specs.schema import schema
from symarch.technologies import Runtime, parameters_of

ROOT = Path(__file__).parents[2]


def analysed(system: str = "h100-sxm-8", runtime: str | None = "vllm", **options: Any) -> symarch.Analysis:
    return symarch.analyze(symarch.load_system(system), symarch.load_model("llama-3.1-8b"), runtime=runtime, **options)


WAYS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("h100-sxm-8", {}, {"batch": 16}),
    ("h100-sxm-8", {"chunk": 700}, {"batch": 16}),
    ("h100-sxm-8", {"prefix": 512, "hit_rate": 0.5}, {"batch": 16}),
    ("h100-sxm-8", {"draft": 2, "acceptance": 0.7}, {"batch": 16}),
    ("h100-sxm-8", {"continuous": True, "chunk": 512}, {"batch": 16}),
    ("h100-sxm-8", {"phase": "decode"}, {"batch": 16}),
    ("h100-sxm-8", {"phase": "prefill"}, {"batch": 16}),
    ("h100-h200-apart", {}, {"batch": 16}),
    ("h200-l40s-apart", {}, {"batch": 16}),
]


@pytest.mark.parametrize("runtime", ["vllm-2024", "vllm-2023"])
@pytest.mark.parametrize(("system", "options", "point"), WAYS)
def test_lines_and_shares_sum_and_both_ways_to_a_number_agree(
    system: str, options: dict[str, Any], point: dict[str, Any], runtime: str
) -> None:
    analysis = analysed(system, runtime, **options)
    analysis.check_dimensions()
    result = analysis.evaluate(**point)
    for phase in {o.phase for o in result.operators}:
        assert math.fsum(o.share for o in result.operators if o.phase == phase) == pytest.approx(1, rel=1e-9)
        assert math.fsum(r.share for r in result.resources if r.phase == phase) == pytest.approx(1, rel=1e-9)
        assert any(r.name == "runtime" and r.share > 0 for r in result.resources if r.phase == phase)
    for name, value in analysis.evaluate_on_floats(**point).items():
        assert result.metrics[name] == pytest.approx(value, rel=1e-12)
    metric = "ttft" if options.get("phase") == "prefill" else "tpot"
    assert all(check.ok for check in analysis.sensitivity(metric, **point).checks)


def test_under_load_a_token_waits_for_the_prompts_of_others() -> None:
    batch, prompt, output = 16, 1024, 128
    analysis = analysed()
    found = analysis.evaluate(batch=batch, prompt=prompt, output=output)
    alone = analysed(runtime=None)
    settings = {p: s.value for p, s in presets_of("runtime")["vllm"].settings.items()}
    one = alone.evaluate(batch=1, prompt=prompt, output=output).ttft
    step = alone.evaluate(batch=batch, prompt=prompt, output=output).tpot
    together = alone.evaluate(batch=batch, prompt=prompt, output=output).ttft
    assert one is not None
    assert step is not None
    assert together is not None
    share, host = settings["prompts"], settings["step"]
    assert found.tpot == pytest.approx(step + host + share * (batch - 1) / output * one, rel=1e-12)
    assert found.ttft == pytest.approx((1 - share) * together + share * one + host, rel=1e-12)


def test_a_request_takes_as_long_however_it_waits() -> None:
    """Prompts long enough that reading them together saves nothing: the wait only moves from first token to tokens."""
    point = {"batch": 8, "prompt": 16384, "output": 4096}
    times = [
        analysed("h100-sxm").evaluate(**point, **{"runtime.prompts": share}).request_time for share in (0.0, 0.5, 1.0)
    ]
    assert times[1] == pytest.approx(times[0], rel=2e-2)
    assert times[2] == pytest.approx(times[0], rel=2e-2)


def test_without_prompts_all_begin_together_as_without_a_runtime() -> None:
    point = {"batch": 8, "prompt": 1024, "output": 64}
    nothing = {"runtime.prompts": 0.0, "runtime.step": 0.0, "runtime.sequence": 0.0}
    found, plain = analysed().evaluate(**point, **nothing), analysed(runtime=None).evaluate(**point)
    for name in ("ttft", "tpot", "request_time", "throughput", "energy_per_token", "power"):
        assert found.metrics[name] == pytest.approx(plain.metrics[name], rel=1e-12)


def test_continuous_batching_has_the_prompts_in_its_steps() -> None:
    point = {"batch": 32, "prompt": 2048, "output": 256}
    mixed = analysed(continuous=True, chunk=2048)
    assert mixed.evaluate(**point, **{"runtime.prompts": 0.1}).tpot == mixed.evaluate(**point).tpot
    # both say how long a token takes under load: with whole prompts waited for they agree
    waited = analysed().evaluate(**point, **{"runtime.prompts": 1.0}).tpot
    assert mixed.evaluate(**point).tpot == pytest.approx(waited, rel=0.15)


def test_each_sequence_counts_for_the_host_that_schedules_it() -> None:
    settings = {"runtime.sequence": "1 ms", "mapping.tensor": "4", "mapping.data": "2"}
    system = symarch.load_system("h100-sxm-8", settings)
    model = symarch.load_model("llama-3.1-8b")
    found = symarch.analyze(system, model, phase="decode").evaluate(batch=16).tpot
    plain = symarch.analyze(system, model, phase="decode", runtime=None).evaluate(batch=16, **{"runtime.sequence": 0})
    assert found is not None
    assert plain.tpot is not None
    assert found - plain.tpot == pytest.approx(8e-3, rel=1e-9)


def test_a_host_that_starts_kernels_works_beside_the_devices() -> None:
    point = {"batch": 4, "context": 1024}
    devices = analysed(runtime=None, phase="decode").evaluate(**point).tpot
    found = analysed(runtime="vllm-2023", phase="decode").evaluate(**point).tpot
    assert devices is not None
    assert found == pytest.approx(math.hypot(devices, 38.5e-3), rel=1e-12)


def test_every_preset_names_a_source_and_a_range() -> None:
    declared = {p.name: p for p in parameters_of(Runtime)}
    for preset in presets_of("runtime").values():
        assert preset.source
        assert preset.date
        for name, setting in preset.settings.items():
            if name in declared:
                assert setting.low is not None
                assert setting.high is not None
                assert setting.low <= setting.value <= setting.high
                assert setting.status in ("measured", "assumed")


SPEC = 'format = 1\nextends = "h100-sxm-8"\n[runtime]\n'


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ('preset = "vlm"', "unknown preset 'vlm' of technology 'runtime'"),
        ("preset = 3", "must be the name of a preset"),
        ("stepp = 1", "runtime.stepp: unknown key; did you mean 'step'"),
        ('step = "1 GB"', "step"),
        ("step = -1", "step"),
        ('starts = "before"', "it must be one of after, beside"),
    ],
)
def test_faults_of_a_spec_are_told(tmp_path: Path, lines: str, sentence: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(SPEC + lines + "\n")
    with pytest.raises(SpecError, match=sentence):
        symarch.load_system(str(path))


def test_a_spec_states_a_runtime_and_resolves_to_one_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(SPEC + 'preset = "sglang"\nstep = "2 ms"\n')
    system = symarch.load_system(str(path), {"runtime.prompts": "0.9"})
    assert system.runtime is not None
    values = {n: s.value for n, s in system.runtime.settings.items()}
    assert values == {"step": 2e-3, "sequence": 0, "prompts": 0.9, "starts": "after"}
    again = tmp_path / "resolved.toml"
    again.write_text(resolved(system))
    other = symarch.load_system(str(again))
    assert other.runtime is not None
    assert {n: s.value for n, s in other.runtime.settings.items()} == values
    model = symarch.load_model("llama-3.1-8b")
    assert symarch.analyze(system, model).evaluate(batch=4).tpot == pytest.approx(
        symarch.analyze(other, model).evaluate(batch=4).tpot, rel=1e-12
    )
    # another preset keeps what was stated by hand, and none takes all away
    changed = symarch.analyze(symarch.load_system(str(path)), model, runtime="vllm").system.runtime
    assert changed is not None
    assert (changed.settings["step"].value, changed.settings["prompts"].value) == (2e-3, 0.88)
    assert symarch.analyze(symarch.load_system(str(path)), model, runtime="none").system.runtime is None


def test_a_runtime_cannot_be_set_and_taken_away() -> None:
    system = symarch.load_system("h100-sxm", {"runtime.step": "1 ms"})
    with pytest.raises(SymarchError, match=r"--set runtime.step sets a runtime, and runtime none takes it away"):
        symarch.analyze(system, symarch.load_model("llama-3.1-8b"), runtime="none")


def test_an_unknown_runtime_names_near_ones() -> None:
    with pytest.raises(UnknownNameError, match="unknown runtime 'vlm'; did you mean 'vllm'"):
        analysed(runtime="vlm")
    with pytest.raises(SpecError, match=r"runtime.steps"):
        symarch.load_system("h100-sxm", {"runtime.steps": "1 ms"})


def test_pools_share_one_runtime(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('format = 1\nextends = "h100-h200-apart"\n[pool.prefill.runtime]\npreset = "vllm"\n')
    with pytest.raises(SpecError, match="it is one for the whole system"):
        symarch.load_system(str(path))


def test_the_schema_knows_runtimes() -> None:
    assert "vllm" in schema()["properties"]["runtime"]["properties"]["preset"]["enum"]


def test_without_a_runtime_the_answer_says_so() -> None:
    point = {"batch": 2}
    assert DEVICES_ALONE in analysed(runtime=None).evaluate(**point).assumptions
    assert DEVICES_ALONE not in analysed().evaluate(**point).assumptions
    assert DEVICES_ALONE not in analysed(runtime=None, ideal=True).evaluate(**point).assumptions
    assert analysed().evaluate(**point).workload["runtime"] == "vllm"


def test_the_speed_of_light_has_no_host_time() -> None:
    system = analysed(ideal=True).system
    assert system.runtime is not None
    assert system.runtime.settings["step"].value == 0
    assert system.runtime.settings["prompts"].value == 0.88


def test_terms_name_the_runtime_and_sum_to_the_metric() -> None:
    found = analysed().explain("tpot", batch=16)
    causes = {(t.resource, t.cause) for t in found.terms}
    assert {("runtime", "host, each pass"), ("runtime", "prompts of others")} <= causes
    assert math.fsum(t.value for t in found.terms) == pytest.approx(found.value, rel=1e-9)
    assert found.units["prompt_time"] == "s"
