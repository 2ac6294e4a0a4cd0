from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import symarch
from symarch.cli import main
from symarch.compare import compare
from symarch.errors import UnknownNameError, WorkloadError
from symarch.quantities import format_quantity

MODEL = symarch.load_model("llama-3.1-8b")


def analysis(system: str, **sets: Any) -> symarch.Analysis:
    return symarch.analyze(symarch.load_system(system, {k.replace("__", "."): v for k, v in sets.items()}), MODEL)


FLASH, PLAIN, OLDER = (analysis(n) for n in ("h200-hbf-8", "h200-sxm-8", "h100-sxm-8"))


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stopped:
            main(["compare", *arguments])
        captured = capsys.readouterr()
        return int(stopped.value.code or 0), captured.out, captured.err

    return run


def test_differences_are_those_of_the_specs_with_their_cost() -> None:
    found = compare([PLAIN, OLDER], batch=16)
    differences = {d.name: d for d in found.differences}
    assert differences["hbm.stacks"].values == (6, 5)
    assert differences["hbm.pin_rate"].unit == "B/s"
    assert "gpu.launch" not in differences, "both have the same"
    for name in ("hbm.stacks", "hbm.pin_rate"):
        alone = PLAIN.evaluate(batch=16, **{name: differences[name].values[1]}).tpot
        assert list(differences[name].costs) == pytest.approx([alone], rel=1e-12)
    costs = [abs(d.costs[0] - (found.results[0].tpot or 0)) for d in found.differences if d.costs[0] is not None]
    assert costs == sorted(costs, reverse=True)


def test_components_and_placement_that_only_one_has() -> None:
    differences = {d.name: d for d in compare([PLAIN, FLASH]).differences}
    assert differences["hbf"].values == (None, "hbf, sandisk-gen1")
    assert differences["hbf"].costs == (None,)
    assert differences["mapping.place.weights"].values == ("hbm", "hbf")
    assert "mapping.place.kv_cache" not in differences
    waiting = PLAIN.with_setting("gpu", "prefetch", "step").evaluate().tpot
    assert differences["gpu.prefetch"].values == ("operator", "step")
    assert list(differences["gpu.prefetch"].costs) == pytest.approx([waiting], rel=1e-12)


def test_every_differing_parameter_gets_its_break_even() -> None:
    found = compare([PLAIN, OLDER], batch=16)
    searched = {b.parameter: b for b in found.break_evens}
    assert {"hbm.stacks", "hbm.pin_rate"} <= set(searched)
    rate = searched["hbm.pin_rate"].crossings[0].value
    older = OLDER.evaluate(batch=16).tpot
    assert PLAIN.evaluate(batch=16, **{"hbm.pin_rate": rate}).tpot == pytest.approx(older, rel=1e-9)
    one_sided = {b.parameter: b for b in compare([PLAIN, FLASH], batch=16).break_evens}
    assert one_sided["hbf.read_time"].on == "second"
    assert one_sided["hbf.read_time"].crossings[0].residual <= 1e-9


def test_the_one_asked_for_has_a_closed_form_and_its_variants() -> None:
    found = compare([FLASH, PLAIN, OLDER], break_even="hbf.read_time", batch=16)
    assert [(b.first, b.second) for b in found.break_evens] == [
        ("h200-hbf-8", "h200-sxm-8"), ("h200-hbf-8", "h100-sxm-8"),
    ]  # fmt: skip
    for b in found.break_evens:
        assert b.variants
        sharp = b.roofline or b
        assert sharp.crossings[0].form is not None


def test_one_system_with_several_settings() -> None:
    narrow = analysis("h200-sxm-8", mapping__tensor=4)
    found = compare([PLAIN, narrow, OLDER], batch=16)
    assert found.systems == ("h200-sxm-8 #1", "h200-sxm-8 #2", "h100-sxm-8")
    assert [r.tpot for r in found.results] == [a.evaluate(batch=16).tpot for a in (PLAIN, narrow, OLDER)]
    differences = {d.name: d.values for d in found.differences}
    assert differences["mapping.tensor"] == (8, 4, 8)
    assert differences["mapping.data"] == (1, 2, 1)
    same = compare([PLAIN, symarch.analyze(PLAIN.system, MODEL, ideal=True)])
    assert same.systems == ("h200-sxm-8 #1", "h200-sxm-8 #2")


def test_each_two_systems_have_their_break_evens() -> None:
    narrow = analysis("h200-sxm-8", mapping__tensor=4, hbm__stacks=4)
    found = compare([PLAIN, narrow, OLDER], batch=16)
    pairs = {(b.first, b.second) for b in found.break_evens}
    names = found.systems
    assert pairs == {(names[0], names[1]), (names[0], names[2]), (names[1], names[2])}
    one = next(b for b in found.break_evens if (b.parameter, b.first, b.second) == ("hbm.pin_rate", *names[1:]))
    assert one.on == "first", "each keeps a value of its own, and the first takes all others"
    moved = narrow.evaluate(batch=16, **{"hbm.pin_rate": one.crossings[0].value}).tpot
    assert moved == pytest.approx(OLDER.evaluate(batch=16).tpot, rel=1e-9)
    asked = compare([PLAIN, OLDER, FLASH], break_even="hbf.read_time", batch=16)
    assert [(b.first, b.second) for b in asked.break_evens] == [
        ("h200-sxm-8", "h200-hbf-8"), ("h100-sxm-8", "h200-hbf-8"),
    ]  # fmt: skip


def test_the_smallest_change_comes_first_and_those_beyond_the_range_last(call: Any) -> None:
    found = compare([FLASH, PLAIN], batch=16)
    ranked = found.decisive("h200-hbf-8", "h200-sxm-8")
    assert {b.parameter for b in ranked} == {b.parameter for b in found.break_evens if b.crossings}
    inside = [b.nearest.inside for b in ranked]
    assert inside == sorted(inside, reverse=True)
    assert {True, False} <= set(inside)
    factors = [max(b.nearest.value / b.value, b.value / b.nearest.value) for b in ranked]
    for kind in (True, False):
        own = [f for f, i in zip(factors, inside, strict=True) if i is kind]
        assert own == sorted(own)
    assert all(b.nearest.value in [c.value for c in b.crossings] for b in ranked)


def test_ten_are_shown_and_all_on_request(call: Any) -> None:
    pair = ("h100-h200-apart", "h200-sxm-8", "--model", "llama-3.1-70b", "--batch", "32", "--metric", "throughput")
    few, every = (call(*pair, *more)[1].partition("\nBreak-even\n")[2] for more in ((), ("--break-even", "all")))
    data = json.loads(call(*pair, "--json")[1])["break_even"]
    with_crossing = [b["parameter"] for b in data if b["crossings"]]
    assert len(with_crossing) > 10
    rows = [[n for n in with_crossing if f"\n  {n} " in text] for text in (few, every)]
    assert len(rows[0]) == 10
    assert rows[1] == with_crossing
    assert f"{len(with_crossing) - 10} more, which take a larger change: --break-even all" in few
    assert "larger change" not in every


def test_two_systems_with_the_same_metric_have_nothing_to_break_even(call: Any) -> None:
    pair = ("h100-h200-apart", "h200-sxm-8", "--model", "llama-3.1-70b", "--batch", "32")
    out = " ".join(call(*pair)[1].split())
    words = (
        "h100-h200-apart and h200-sxm-8 have the same tpot, so that no parameter has to move; --metric ttft is about"
    )
    assert words in out
    assert json.loads(call(*pair, "--json")[1])["break_even"] == []
    assert "equals h200-sxm-8 at decode_hbm.stacks = 6, better above" in (
        " ".join(call(*pair, "--break-even", "decode_hbm.stacks")[1].split())
    ), "what is asked for by name is searched"


def test_bad_comparisons_are_refused_in_a_sentence() -> None:
    with pytest.raises(WorkloadError, match="two systems or more"):
        compare([PLAIN])
    with pytest.raises(WorkloadError, match="is given twice, as 1 and 2, and nothing tells them apart"):
        compare([PLAIN, PLAIN])
    with pytest.raises(WorkloadError, match="is given twice, as 1 and 3"):
        compare([PLAIN, FLASH, analysis("h200-sxm-8")])
    with pytest.raises(UnknownNameError, match=r"did you mean 'hbf\.read_time'"):
        compare([PLAIN, FLASH], break_even="hbf.read_tim")
    with pytest.raises(UnknownNameError, match="unknown metric"):
        compare([PLAIN, FLASH], "speed")


PAIR = ("h200-sxm-8", "h200-hbf-8", "--model", "llama-3.1-8b", "--batch", "16")


def test_text_has_the_numbers_first(call: Any) -> None:
    code, out, err = call(*PAIR)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "llama-3.1-8b on h200-sxm-8, h200-hbf-8"
    assert max(map(len, lines)) <= 80
    for title in ("Metrics", "What binds", "Constraints, share used", "Break-even"):
        assert title in lines
    assert "checked: the two sides differ by at most" in out


def test_json_is_the_same_record(call: Any) -> None:
    data = json.loads(call(*PAIR, "--format", "json", "--break-even", "hbf.read_time")[1])
    assert [s["system"] for s in data["systems"]] == ["h200-sxm-8", "h200-hbf-8"]
    assert data["systems"][1]["metrics"]["tpot"]["value"] == pytest.approx(FLASH.evaluate(batch=16).tpot, rel=1e-12)
    (crossing,) = data["break_even"][0]["crossings"]
    moved = FLASH.evaluate(batch=16, **{"hbf.read_time": crossing["value"]}).tpot
    assert moved == pytest.approx(PLAIN.evaluate(batch=16).tpot, rel=1e-9)
    assert data["metric"] == "tpot"


def test_markdown_has_tables_and_the_closed_form(call: Any) -> None:
    out = call(*PAIR, "--format", "md", "--break-even", "hbf.read_time", "--set", "gpu.overlap=inf")[1]
    assert out.startswith("# llama-3.1-8b on h200-sxm-8, h200-hbf-8\n")
    rows = [line for line in out.splitlines() if line.startswith("|")]
    assert all(line.endswith("|") for line in rows)
    assert "x = (T - a') / b'" in out
    assert "```text\n```" not in out


def test_settings_go_to_the_systems_that_have_the_component(call: Any) -> None:
    data = json.loads(call(*PAIR, "--format", "json", "--set", "hbf.read_time=5us", "--set", "gpu.launch=1us")[1])
    for entry, found in zip(
        data["systems"],
        (analysis("h200-sxm-8", gpu__launch="1us"), analysis("h200-hbf-8", gpu__launch="1us", hbf__read_time="5us")),
        strict=True,
    ):
        assert entry["metrics"]["tpot"]["value"] == pytest.approx(found.evaluate(batch=16).tpot, rel=1e-12)
    code, _, err = call(*PAIR, "--set", "hbx.read_time=5us")
    assert code == 2
    assert err.startswith("symarch: --set hbx.read_time: no system has it; did you mean '")
    assert err.count("\n") == 1


def test_settings_of_the_mapping_go_to_all_systems(call: Any) -> None:
    data = json.loads(call(*PAIR, "--format", "json", "--set", "mapping.tensor=4")[1])
    for entry, name in zip(data["systems"], ("h200-sxm-8", "h200-hbf-8"), strict=True):
        system = symarch.load_system(name, {"mapping.tensor": 4})
        due = symarch.analyze(system, analysis(name).model).evaluate(batch=16).tpot
        assert entry["metrics"]["tpot"]["value"] == pytest.approx(due, rel=1e-12)


def test_prefill_compares_the_first_token(call: Any) -> None:
    data = json.loads(call(*PAIR, "--format", "json", "--phase", "prefill")[1])
    assert data["metric"] == "ttft"


TWICE = ("h200-sxm-8", "h200-sxm-8", "--model", "llama-3.1-8b", "--batch", "16")


def test_settings_of_one_system_alone(call: Any) -> None:
    sets = ("--set", "hbm.stacks=5", "--set", "2:hbm.stacks=4", "--set", "2:mapping.tensor=4")
    data = json.loads(call(*TWICE, "--json", *sets)[1])
    due = (analysis("h200-sxm-8", hbm__stacks="5"), analysis("h200-sxm-8", hbm__stacks="4", mapping__tensor="4"))
    for entry, found in zip(data["systems"], due, strict=True):
        assert entry["metrics"]["tpot"]["value"] == pytest.approx(found.evaluate(batch=16).tpot, rel=1e-12)
    assert [s["settings"] for s in data["systems"]] == [
        [], [{"name": "hbm.stacks", "value": "4"}, {"name": "mapping.tensor", "value": "4"}],
    ]  # fmt: skip
    lines = call(*TWICE, *sets)[1].splitlines()
    assert lines[2] == "h200-sxm-8 #2: hbm.stacks = 4, mapping.tensor = 4"
    assert "- h200-sxm-8 #2: hbm.stacks = 4, mapping.tensor = 4" in call(*TWICE, "--format", "md", *sets)[1]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ((), "system 'h200-sxm-8' is given twice, as 1 and 2, and nothing tells them apart; set something in one"),
        (("--set", "3:hbm.stacks=4"), "--set 3:hbm.stacks: '3' is no position of a system; those given are 1 to 2"),
        (("--set", "b:hbm.stacks=4"), "--set b:hbm.stacks: 'b' is no position of a system"),
        (("--set", "2:batch=4"), "--set 2:batch: batch is of the workload or the model, which are one for all"),
        (("--set", "2:model.layers=4"), "--set 2:model.layers: model.layers is of the workload or the model"),
        (("--set", "2:hbn.stacks=4"), "--set hbn.stacks=4: unknown name; did you mean 'hbm.stacks'?"),
        (("--set", "2:mapping.tensor=3"), "tensor"),
        (("--set", "2:hbm.stacks=4", "--set", "02:hbm.stacks=5"), "--set 02:hbm.stacks: it is set twice"),
        (("--json", "--format", "md"), "--json cannot go with --format md"),
    ],
)
def test_bad_settings_of_one_system_are_refused(call: Any, given: tuple[str, ...], words: str) -> None:
    code, out, err = call(*TWICE, *given)
    assert (code, out) == (2, "")
    assert words in err
    assert err.count("\n") == 1


def test_the_page_has_the_same_tables_and_fetches_nothing(call: Any, tmp_path: Path) -> None:
    path = tmp_path / "pair.html"
    code, out, err = call(*TWICE, "--set", "2:mapping.tensor=4", "-o", str(path))
    assert (code, out, err) == (0, "", f"wrote {path}\n")
    page = path.read_text()
    found = compare([PLAIN, analysis("h200-sxm-8", mapping__tensor=4)], batch=16)
    for result in found.results:
        assert format_quantity(result.tpot or 0, "s") in page
    for name in ("metrics", "binds", "constraints", "differences", "break_even", "assumptions"):
        assert f'<section id="{name}"' in page
    assert page.count("<figure") == 2, "prefill and decode"
    assert "http://" not in page
    assert "https://" not in page
    assert re.search(r"default-src 'none'; style-src 'sha256-", page)
    call(*TWICE, "--set", "2:mapping.tensor=4", "--format", "html")


def test_what_a_user_writes_is_text_on_the_page(call: Any, tmp_path: Path) -> None:
    spec = tmp_path / "b.toml"
    spec.write_text('format = 1\nname = "a<script>alert(1)</script>"\nextends = "h200-sxm-8"\n')
    code, out, _ = call("h200-sxm-8", str(spec), "--model", "llama-3.1-8b", "--format", "html")
    assert code == 0
    assert "<script>alert" not in out
    assert "a&lt;script&gt;alert(1)&lt;/script&gt;" in out
