"""The explorer is driven in headless Chromium: its numbers are Python's, its links and specs lead back to them."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import math
import random
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from scipy.optimize import brentq

import symarch
from symarch.analysis import METRICS
from symarch.cli import main
from symarch.errors import WorkloadError
from symarch.program import compile_python
from symarch.quantities import format_quantity, format_setting, parse_quantity
from symarch.report.explorer import explorer_html

if TYPE_CHECKING:
    from tests.core.conftest import Browser

SYSTEM, MODEL = "h200-hbf-8", "llama-3.1-70b"
HOSTILE = """</script><script>hacked=1</script><img src=x onerror="hacked=1"> --> ]]> & "quoted" \u2028 {{script}}"""


@pytest.fixture(scope="module")
def analysis() -> symarch.Analysis:
    return symarch.analyze(symarch.load_system(SYSTEM), symarch.load_model(MODEL))


@pytest.fixture(scope="module")
def page(analysis: symarch.Analysis, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(analysis, tmp_path_factory.mktemp("page") / "page.html", batch=16)


def written(analysis: symarch.Analysis, path: Path, **given: Any) -> Path:
    path.write_text(explorer_html(analysis, given), encoding="utf-8")
    return path


def data_of(path: Path) -> dict[str, Any]:
    text = path.read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(re.findall(r'id="data">(.*?)</script>', text, re.DOTALL)[0])
    return found


def close(found: float, due: float, tolerance: float = 1e-9) -> bool:
    return math.isclose(found, due, rel_tol=tolerance)


# --- the numbers

TYPE = """
points.map(point => {
  for (const [name, v] of Object.entries(point)) {
    const field = document.querySelector(`.parameter[data-name="${name}"] input[type=text]`);
    field.value = String(v);
    field.dispatchEvent(new Event("change"));
  }
  explorer.update();
  const cards = [...document.querySelectorAll("#metrics [data-metric]")];
  const shown = Object.fromEntries(cards.map(c => [c.dataset.metric, Number(c.querySelector("data").value)]));
  return { ...explorer.numbers(), shown };
})
"""


def random_points(path: Path, count: int, seed: int) -> list[dict[str, float]]:
    """Draw values for a dozen parameters, and put back what the point before changed."""
    draw, points = random.Random(seed), []
    parameters = {p["name"]: p for p in data_of(path)["parameters"]}
    before: dict[str, float] = {}
    for _ in range(count):
        chosen: dict[str, float] = {}
        for name in draw.sample(list(parameters), 12):
            p = parameters[name]
            low, high = p["low"], p["high"]
            value = math.exp(draw.uniform(math.log(low), math.log(high))) if low > 0 else draw.uniform(low, high)
            chosen[name] = float(round(value)) if p["integer"] else min(high, max(low, value))
        if "output" in parameters:
            chosen["output"] = max(2.0, chosen.get("output", parameters["output"]["value"]))
        points.append({n: p["value"] for n, p in parameters.items() if n in before} | chosen)
        before = chosen
    return points


def check_numbers(browser: Browser, analysis: symarch.Analysis, path: Path, count: int, **given: Any) -> None:
    points = random_points(path, count, seed=count)
    browser.open(path)
    rows = browser.run(f"(points => {TYPE})({json.dumps(points)})")
    assert browser.faults() == []
    recorded = analysis.recorded("context" in given)
    compiled = compile_python(recorded.program)
    base = {n: s.value for n, s in recorded.symbols.items()} | given
    for k, (point, row) in enumerate(zip(points, rows, strict=True)):
        values = base | point
        due = dict(zip(recorded.program.outputs, compiled(*(values[n] for n in compiled.inputs)), strict=True))
        for metric, found in row["metrics"].items():
            assert close(found, due[f"metric.{metric}"]), (metric, point)
            assert row["shown"][metric] == found
        for c in row["constraints"]:
            assert close(c["used"], due[f"used.{c['name']}"])
            assert close(c["limit"], due[f"limit.{c['name']}"])
        if k % (count // 5) == 0:
            result = analysis.evaluate(**values)
            assert {c.name: c.ok for c in result.constraints} == {c["name"]: c["ok"] for c in row["constraints"]}
            for resource in result.resources:
                whole = math.fsum(row["parts"][resource.phase].values())
                share = row["parts"][resource.phase].get(resource.name, 0) / whole
                assert math.isclose(share, resource.share, rel_tol=1e-9, abs_tol=1e-12)


def test_numbers_equal_pythons_at_200_random_points(browser: Browser, analysis: symarch.Analysis, page: Path) -> None:
    check_numbers(browser, analysis, page, 200, batch=16)


@pytest.mark.parametrize(
    ("system", "model", "how", "given"),
    [
        ("h100-sxm", "llama-3.1-8b", {"phase": "prefill"}, {"batch": 4}),
        ("h100-sxm-8", "deepseek-v3", {"phase": "decode", "dtype": "weights=fp8,experts=fp8"}, {"context": 4096}),
        ("h100-sxm-8", "mixtral-8x7b", {"ideal": True}, {}),
        ("h200-hbf-daisy-8", MODEL, {"phase": "decode"}, {"batch": 64}),
        ("h100-h200-apart", "llama-3.1-8b", {}, {"batch": 16}),
        ("h200-l40s-apart", "llama-3.1-8b", {"phase": "decode"}, {"batch": 72}),
        ("h100-sxm-8", "llama-3.1-8b", {"continuous": True}, {"batch": 32}),
        ("tpu-v5e-8", "deepseek-v3", {}, {"batch": 8}),
        ("phone-flash", "qwen3-0.6b", {}, {}),
    ],
)
def test_other_workloads_and_systems_too(
    browser: Browser, tmp_path: Path, system: str, model: str, how: dict[str, Any], given: dict[str, Any]
) -> None:
    loaded = symarch.analyze(symarch.load_system(system), symarch.load_model(model), **how)
    check_numbers(browser, loaded, written(loaded, tmp_path / "page.html", **given), 10, **given)


def test_elasticities_equal_pythons(browser: Browser, analysis: symarch.Analysis, page: Path) -> None:
    browser.open(page)
    for metric in analysis.metrics():
        code = f"""(() => {{ const field = document.getElementById("metric"); field.value = "{metric}";
            field.dispatchEvent(new Event("change")); return explorer.elasticities(); }})()"""
        found = browser.run(code)
        for due in analysis.sensitivity(metric, batch=16).elasticities:
            if due.parameter in found and isinstance(due.elasticity, float):
                assert math.isclose(found[due.parameter], due.elasticity, rel_tol=1e-9, abs_tol=1e-12), due.parameter


def test_most_sensitive_first(browser: Browser, analysis: symarch.Analysis, page: Path) -> None:
    browser.open(page)
    order = browser.run("""(() => { const field = document.getElementById("order"); field.value = "sensitive";
        field.dispatchEvent(new Event("change"));
        return [...document.querySelectorAll(".parameter")].map(p => p.dataset.name); })()""")
    due = {e.parameter: e.size for e in analysis.sensitivity("tpot", batch=16).elasticities}
    sizes = [due[name] for name in order]
    assert len(order) == len(analysis.recorded().symbols)
    assert all(a >= b - 1e-9 for a, b in itertools.pairwise(sizes))


def test_one_output_token_has_no_decode_step(browser: Browser, page: Path) -> None:
    browser.open(page, "#output=1")
    found = browser.run("explorer.numbers().metrics")
    assert found["tpot"] is None
    assert found["throughput_per_user"] is None
    assert found["ttft"] > 0
    assert browser.run("""document.querySelector("[data-metric=tpot] data").textContent""") == "-"
    assert browser.faults() == []


# --- quantities in and out


def test_quantities_are_printed_as_the_command_line_does(
    browser: Browser, analysis: symarch.Analysis, page: Path
) -> None:
    draw = random.Random(3)
    browser.open(page)
    units = list(data_of(page)["units"]["printed"])
    cases = [(draw.uniform(1, 10) * 10.0 ** draw.randint(-16, 17), u) for u in units for _ in range(40)]
    cases += [(v, u) for u in units for v in (0.0, 1.0, 999.6, 1000.0, 1e6, 1e-4, 99.96)]
    found = browser.run(f"{json.dumps(cases)}.map(([v, u]) => explorer.formatQuantity(v, u))")
    assert found == [format_quantity(v, u) for v, u in cases]
    bits = analysis.system.in_bits
    settings = [
        (v, n, s.unit)
        for n, s in analysis.recorded().symbols.items()
        for v in (s.value, s.low, s.high, s.value * draw.uniform(0.3, 4), 4096.0)
        if v is not None
    ]
    found = browser.run(f"{json.dumps(settings)}.map(([v, n]) => explorer.formatSetting(v, n))")
    assert found == [format_setting(v, u, n in bits) for v, n, u in settings]


READ = [
    ("20 us", "s"), ("20\u00b5s", "s"), ("9.6 Gb/s", "B/s"), ("3.35 TB/s", "B/s"), ("24 Gib", "B"), ("4 KiB", "B"),
    ("1_024", "1"), ("85 %", "1"), ("3.9 pJ/bit", "J/B"), ("0.68 pJ/FLOP", "J/FLOP"), ("989 TFLOP/s", "FLOP/s"),
    ("700 W", "W"), ("0.7 kW", "W"), ("5 year", "s"), ("2.5e-6", "s"), (".5 ms", "s"), ("10 USD/GB", "USD/B"),
    ("20 token/s", "token/s"), ("1e3 J/s", "W"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "unit"), READ)
def test_quantities_are_read_as_the_command_line_does(browser: Browser, page: Path, text: str, unit: str) -> None:
    if not browser.run("typeof explorer === 'object'"):
        browser.open(page)
    found = browser.run(f"explorer.readQuantity({json.dumps(text)}, {json.dumps(unit)})")
    assert close(found, parse_quantity(text, unit), 1e-15)


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("hbf.read_time", "5 parsec", "unknown unit"),
        ("hbf.read_time", "5 GB", "another kind of unit"),
        ("hbf.read_time", "soon", "does not begin with a number"),
        ("hbf.read_time", "", "does not begin with a number"),
        ("hbf.read_time", "0 us", "greater than 0"),
        ("hbf.read_time", "-1 us", "greater than 0"),
        ("hbf.read_time", "1 constructor", "unknown unit"),
        ("hbm.stacks", "1.5", "whole number"),
        ("gpu.matrix_efficiency", "120 %", "at most 1"),
    ],
)
def test_what_cannot_be_is_refused_and_said(browser: Browser, page: Path, name: str, text: str, why: str) -> None:
    browser.open(page)
    before = browser.run("explorer.numbers().metrics")
    fault = browser.run(f"""(() => {{ const box = document.querySelector('.parameter[data-name="{name}"]');
        const field = box.querySelector("input[type=text]"); field.value = {json.dumps(text)};
        field.dispatchEvent(new Event("change"));
        return [box.querySelector(".fault").textContent, field.getAttribute("aria-invalid")]; }})()""")
    assert why in fault[0]
    assert fault[1] == "true"
    assert browser.run("explorer.numbers().metrics") == before


# --- ranges


def test_ranges_are_those_of_the_spec_or_symmetric_about_the_value(analysis: symarch.Analysis, page: Path) -> None:
    symbols = analysis.recorded().symbols
    for p in data_of(page)["parameters"]:
        symbol = symbols[p["name"]]
        assert p["low"] <= p["value"] <= p["high"]
        assert p["low"] < p["high"]
        if symbol.low is not None and symbol.high is not None:
            assert p["low"] == min(symbol.low, p["value"])
            assert p["high"] == max(symbol.high, p["value"])
        elif not p["integer"] and p["most"] is None:
            assert close(p["value"] / p["low"], p["high"] / p["value"])


def test_sliders_step_by_whole_numbers_and_return_to_the_start(browser: Browser, page: Path) -> None:
    browser.open(page)
    parameters = {p["name"]: p for p in data_of(page)["parameters"]}
    slide = """(() => { const box = document.querySelector('.parameter[data-name="NAME"]');
        const slider = box.querySelector("input[type=range]"), seen = [];
        for (let k = Number(slider.min); k <= Number(slider.max); k += Math.ceil((slider.max - slider.min) / 50)) {
            slider.value = k; slider.dispatchEvent(new Event("input"));
            seen.push(explorer.value("NAME"));
        }
        box.querySelector("button").click(); seen.push(explorer.value("NAME")); return seen; })()"""
    for name in ("hbm.stacks", "batch", "hbf.planes", "hbf.read_time", "hbm.pin_rate", "gpu.power_limit"):
        *seen, last = browser.run(slide.replace("NAME", name))
        p = parameters[name]
        assert last == p["value"]
        assert seen == sorted(seen)
        assert seen[0] == p["low"]
        assert len(set(seen)) > 5
        assert all(p["low"] <= v <= p["high"] for v in seen)
        if p["integer"]:
            assert all(v == int(v) for v in seen)


# --- link, spec


def test_a_link_restores_the_state(browser: Browser, page: Path) -> None:
    browser.open(page)
    browser.run("""(() => { explorer.set("hbf.read_time", 3.1e-6); explorer.set("batch", 37); explorer.update();
        const over = document.getElementById("over"); over.value = "hbf.read_time";
        over.dispatchEvent(new Event("change")); explorer.rest(); })()""")
    link, due = browser.run("[document.getElementById('link').value, explorer.numbers()]")
    fragment = link.partition("#")[2]
    assert fragment == "hbf.read_time=0.0000031&batch=37&_over=hbf.read_time"
    assert browser.run("location.hash") == f"#{fragment}"
    browser.open(page, f"#{fragment}")
    assert browser.run("explorer.numbers()") == due
    assert browser.run("document.getElementById('over').value") == "hbf.read_time"
    assert browser.run("document.getElementById('notice').hidden")


@pytest.mark.parametrize("bad", ["nothing=1", "batch=0", "batch=2.5", "hbf.read_time=", "hbf.read_time=x", "_over=no",
                                 "_map=1", "__proto__=1", "_constructor=1"])  # fmt: skip
def test_a_link_that_asks_for_what_is_not_there_says_so(browser: Browser, page: Path, bad: str) -> None:
    browser.open(page, f"#{bad}&prompt=100")
    assert bad.partition("=")[0] in browser.run("document.getElementById('notice').textContent")
    assert browser.run("explorer.value('prompt')") == 100
    assert browser.faults() == []


def exported(browser: Browser, folder: Path, changes: dict[str, float]) -> Path:
    browser.run(f"""(() => {{ for (const [n, v] of Object.entries({json.dumps(changes)})) explorer.set(n, v);
        explorer.update(); explorer.rest(); }})()""")
    path = folder / "exported.toml"
    path.write_text(browser.run("document.getElementById('spec').value"), encoding="utf-8")
    return path


def check_spec(browser: Browser, folder: Path, changes: dict[str, float], **how: Any) -> str:
    path = exported(browser, folder, changes)
    with pytest.raises(SystemExit) as done:
        main(["validate", str(path)])
    assert done.value.code == 0
    loaded = symarch.load_system(str(path))
    result = symarch.analyze(loaded, symarch.load_model(MODEL), **how).evaluate(
        **{k: int(v) for k, v in browser.run("explorer.workload()").items()}
    )
    for metric, value in browser.run("explorer.numbers().metrics").items():
        assert close(value, result.metrics[metric] or math.nan), metric
    for name, value in changes.items():
        owner, _, item = name.partition(".")
        if owner in loaded.components:
            assert loaded.components[owner].settings[item].value == value
    return path.read_text(encoding="utf-8")


CHANGES = {"hbf.read_time": 3.1e-6, "hbm.stacks": 8, "hbm.pin_rate": 1.2e9, "gpu.launch": 5e-5, "batch": 32,
           "economy.pue": 1.3, "gpu.price": 36000.0}  # fmt: skip


def test_the_exported_spec_extends_a_shipped_system(browser: Browser, page: Path, tmp_path: Path) -> None:
    browser.open(page)
    text = check_spec(browser, tmp_path, CHANGES)
    assert f'extends = "{SYSTEM}"' in text
    assert "read_time = 0.0000031  # 3.1 us" in text
    assert f"--model {MODEL} --batch 32 --prompt 2048 --output 256" in text.splitlines()[0]


@pytest.mark.parametrize("ideal", [False, True])
def test_the_exported_spec_is_whole_where_the_page_is_of_another_system(
    browser: Browser, tmp_path: Path, ideal: bool
) -> None:
    own = tmp_path / "own.toml"
    title = json.dumps(HOSTILE.replace("\u2028", ""))
    own.write_text(f'format = 1\nextends = "{SYSTEM}"\nname = "own"\ntitle = {title}\n[memory.hbm]\nstacks = 4\n')
    analysis = symarch.analyze(symarch.load_system(str(own), {"hbf.dies": 12}), symarch.load_model(MODEL), ideal=ideal)
    browser.open(written(analysis, tmp_path / "page.html"))
    # a file cannot say that a limit is absent, so what --ideal sets is asked for again when it is run
    text = check_spec(browser, tmp_path, {k: v for k, v in CHANGES.items() if k != "gpu.launch"}, ideal=ideal)
    assert ("--ideal" in text.splitlines()[0]) == ideal
    assert "extends" not in text
    assert symarch.load_system(str(tmp_path / "exported.toml")).components["hbf"].settings["dies"].value == 12


@pytest.mark.parametrize(
    ("system", "settings", "changes"),
    [
        ("h100-h200-apart", {}, {"decode_hbm.stacks": 8, "transfer.lane_rate": 2.5e10, "prefill_gpu.launch": 2e-6}),
        ("h200-l40s-apart", {}, {"ffn_gpu.launch": 2e-6, "attention_hbm.stacks": 5}),
        ("h100-sxm-8", {"mapping.pipeline": 2, "mapping.tensor": 4}, {"hbm.stacks": 6, "scale_up.latency": 2e-7}),
    ],
)
def test_the_exported_spec_of_pools_and_pipelines(
    browser: Browser, tmp_path: Path, system: str, settings: dict[str, Any], changes: dict[str, float]
) -> None:
    analysis = symarch.analyze(symarch.load_system(system, settings), symarch.load_model(MODEL))
    browser.open(written(analysis, tmp_path / "page.html", batch=72))
    check_spec(browser, tmp_path, changes)
    assert browser.faults() == []


# --- break-even and regimes


def choose(browser: Browser, **fields: str) -> None:
    for name, value in fields.items():
        browser.run(f"""(() => {{ const field = document.getElementById("{name}"); field.value = {json.dumps(value)};
            field.dispatchEvent(new Event(field.tagName === "SELECT" ? "change" : "input")); }})()""")
    browser.run("explorer.rest()")


def answer(browser: Browser) -> tuple[str, list[float]]:
    field = "document.getElementById('crossing')"
    return browser.run(f"{field}.textContent"), json.loads(browser.run(f"{field}.dataset.at"))


@pytest.mark.parametrize("parameter", ["hbf.read_time", "gpu.launch", "hbm.pin_rate"])
def test_break_even_is_where_python_finds_it(
    browser: Browser, analysis: symarch.Analysis, page: Path, parameter: str
) -> None:
    call = analysis.compile("tpot", [parameter], batch=16)
    symbol = analysis.recorded().symbols[parameter]
    assert symbol.low is not None
    assert symbol.high is not None
    target = (call(symbol.low) + call(symbol.high)) / 2
    due = brentq(lambda v: call(v) - target, symbol.low, symbol.high, xtol=1e-18, rtol=1e-14)
    browser.open(page)
    choose(browser, metric="tpot", over=parameter, target=repr(target))
    words, at = answer(browser)
    assert words.startswith("Break-even: tpot is ")
    assert len(at) == 1
    assert close(at[0], due)
    assert close(call(at[0]), target)


def test_break_even_against_the_start_of_a_whole_number(
    browser: Browser, analysis: symarch.Analysis, page: Path
) -> None:
    browser.open(page)
    choose(browser, metric="tpot", over="hbf.dies")
    words, at = answer(browser)
    assert at == [16]
    call = analysis.compile("tpot", ["hbf.dies"], batch=16)
    target = (call(9) + call(10)) / 2
    choose(browser, target=repr(target))
    words, at = answer(browser)
    assert at == [10]
    assert "between 9 and 10" in words


def test_no_crossing_and_flat_are_answers(browser: Browser, page: Path) -> None:
    browser.open(page)
    choose(browser, metric="tpot", over="hbf.read_time", target="1 us")
    assert answer(browser)[0].startswith("No crossing: over this range tpot is never below ")
    choose(browser, target="1 h")
    assert answer(browser)[0].startswith("No crossing: over this range tpot is never above ")
    choose(browser, over="gpu.power_limit", metric="tpot", target="1 h")
    assert browser.run("document.getElementById('target').getAttribute('aria-invalid')") is None
    choose(browser, target="soon")
    assert "does not begin with a number" in answer(browser)[0]
    choose(browser, over="hbf.stack_prefetch_buffer", target="")
    assert "does not change tpot here" in answer(browser)[0]


def test_the_map_names_the_resource_with_the_largest_share(
    browser: Browser, analysis: symarch.Analysis, page: Path
) -> None:
    browser.open(page)
    choose(browser, across="hbf.read_time", up="batch")
    choose(browser, **{"map-phase": "decode"})
    cells = browser.run("explorer.regimes(7, 5)")
    for row in cells:
        for cell in row:
            found = analysis.evaluate(batch=int(cell["up"]), **{"hbf.read_time": cell["across"]})
            best = max((r for r in found.resources if r.phase == "decode"), key=lambda r: r.share)
            assert cell["name"] == best.name
            assert close(cell["total"], found.metrics["tpot"] or 0)
    named = browser.run("[...document.querySelectorAll('#map-table tbody th')].map(t => t.textContent)")
    assert {c["name"] for row in cells for c in row} <= set(named)
    assert len(named) > 1


def test_failing_constraints_are_marked(browser: Browser, page: Path) -> None:
    browser.open(page, "#prompt=131072&batch=1024")
    rows = browser.run("[...document.querySelectorAll('#constraints tbody tr')].map(r => r.textContent)")
    assert any(r.startswith("hbm.capacity") and "FAILS by" in r for r in rows)
    assert "hbm.capacity" in browser.run("document.getElementById('headline-fails').textContent")
    assert not browser.run("document.getElementById('headline-fails').hidden")


# --- safe, whole, usable


def test_texts_of_a_spec_stay_texts(browser: Browser, tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    text = json.dumps(HOSTILE)
    own.write_text(
        f'format = 1\nextends = "h100-sxm"\nname = {text}\ntitle = {text}\nsource = {text}\n'
        f"[memory.hbm]\nstacks = {{ value = 5, source = {text} }}\n",
        encoding="utf-8",
    )
    analysis = symarch.analyze(symarch.load_system(str(own)), symarch.load_model("llama-3.1-8b"))
    path = written(analysis, tmp_path / "page.html")
    assert path.read_text(encoding="utf-8").count("</script>") == 2
    browser.open(path)
    assert browser.faults() == []
    assert browser.run("typeof hacked") == "undefined"
    assert browser.run("document.images.length") == 0
    assert browser.run("document.getElementById('heading').textContent") == f"llama-3.1-8b on {HOSTILE}"
    assert browser.run("document.title") == f"llama-3.1-8b on {' '.join(HOSTILE.split(' '))}: symarch explorer"
    assert HOSTILE in browser.run("document.getElementById('subtitle').textContent")
    assert exported(browser, tmp_path, {"hbm.stacks": 6})
    assert symarch.load_system(str(tmp_path / "exported.toml")).title == HOSTILE


def test_nothing_is_fetched_and_the_policy_forbids_it(browser: Browser, page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert not re.search(r'(?:src|href|action)\s*=\s*"(?!#)', text.partition("<script")[0])
    policy = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', text)[0]
    assert policy.startswith("default-src 'none'; ")
    for kind, content in (
        ("script", re.findall(r"<script>(.*?)</script>", text, re.DOTALL)[0]),
        ("style", re.findall(r"<style>(.*?)</style>", text, re.DOTALL)[0]),
    ):
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    browser.open(page)
    asked = [e["params"]["request"]["url"] for e in browser.events if e["method"] == "Network.requestWillBeSent"]
    assert asked == [page.as_uri()]
    refused = "(async () => { try { await fetch('data:,x'); return false; } catch { return true; } })()"
    assert browser.run(refused)
    assert (
        browser.run("""(() => { const s = document.createElement("script"); s.textContent = "hacked = 1";
        document.body.append(s); return typeof hacked; })()""")
        == "undefined"
    )


def test_the_same_input_gives_the_same_small_page(analysis: symarch.Analysis) -> None:
    text = explorer_html(analysis, {"batch": 16})
    again = symarch.analyze(symarch.load_system(SYSTEM), symarch.load_model(MODEL))
    assert explorer_html(again, {"batch": 16}) == text
    assert len(text.encode()) < 500_000
    with pytest.raises(WorkloadError):
        explorer_html(analysis, {"batch": 0})


def test_every_metric_and_constraint_is_on_the_page(analysis: symarch.Analysis, page: Path) -> None:
    data = data_of(page)
    assert [m["name"] for m in data["metrics"]] + list(data["missing"]) == [
        m for m in METRICS if m in analysis.metrics() or m in analysis.recorded().missing
    ]
    assert [c["name"] for c in data["constraints"]] == [c.name for c in analysis.recorded().constraints]
    assert data["assumptions"] == list(analysis.recorded().assumptions)


def test_everything_that_takes_input_has_a_name_and_every_picture_words(browser: Browser, page: Path) -> None:
    browser.open(page)
    browser.run("explorer.rest()")
    assert (
        browser.run("""[...document.querySelectorAll("input, select, textarea, button")].filter(e =>
        !(e.labels && e.labels.length) && !e.getAttribute("aria-label") && !e.textContent.trim()).length""")
        == 0
    )
    ids = browser.run("[...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))
    assert browser.run("[...document.querySelectorAll('figure svg')].map(s => [s.getAttribute('role'), "
                       "s.getAttribute('aria-label').length > 20])") == [["img", True]] * 3  # fmt: skip
    assert browser.run("document.querySelectorAll('table thead th:not([scope])').length") == 0
    assert browser.run("[...document.querySelectorAll('table')].filter(t => !t.rows.length).length") == 0
    assert "tpot" in browser.run("document.querySelector('[aria-live]').textContent")
    assert browser.run("document.querySelector('.parameter input[type=range]').getAttribute('aria-valuetext')") == "16"


def test_arrow_keys_move_sliders(browser: Browser, page: Path) -> None:
    browser.open(page)
    browser.run("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    parameters = {p["name"]: p["value"] for p in data_of(page)["parameters"]}
    for name in ("batch", "hbm.stacks", "hbf.read_time"):
        browser.run(f"""document.querySelector('.parameter[data-name="{name}"] input[type=range]').focus()""")
        values = [parameters[name]]
        for _ in range(3):
            browser.press("ArrowRight")
            values.append(browser.run(f"explorer.value('{name}')"))
        assert values == sorted(set(values))
        for _ in range(3):
            browser.press("ArrowLeft")
        assert browser.run(f"explorer.value('{name}')") <= values[1]


CONTRAST = """
(() => {
  const channels = c => c.match(/[\\d.]+/g).slice(0, 3).map(Number).map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const light = c => { const [r, g, b] = channels(c); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const probe = document.createElement("span"); document.body.append(probe);
  const colour = name => { probe.style.color = `var(--${name})`; return light(getComputedStyle(probe).color); };
  return ["ground", "raised"].flatMap(g => ["text", "quiet", "accent", "bad", "good"].map(t => {
    const [a, b] = [colour(g), colour(t)].sort((x, y) => y - x); return (a + 0.05) / (b + 0.05); }));
})()
"""


@pytest.mark.parametrize("dark", [False, True])
def test_text_stands_out_in_light_and_dark(browser: Browser, page: Path, dark: bool) -> None:
    browser.window(1280, dark=dark)
    browser.open(page)
    ground = "getComputedStyle(document.body).backgroundColor"
    shades = browser.run(f"{ground}.match(/\\d+/g).map(Number)")
    assert (max(shades[:3]) < 80) == dark
    assert min(browser.run(CONTRAST)) >= 4.5  # WCAG 2.2, success criterion 1.4.3
    browser.run("document.getElementById('theme').click()")
    assert (max(browser.run(f"{ground}.match(/\\d+/g).map(Number)")[:3]) < 80) != dark
    assert min(browser.run(CONTRAST)) >= 4.5


@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_is_never_wider_than_its_window(browser: Browser, page: Path, width: int) -> None:
    browser.window(width)
    browser.open(page, "#hbf.read_time=0.0000031&batch=64&prompt=131072")
    browser.run("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    browser.run("explorer.rest()")
    assert browser.run("document.documentElement.scrollWidth") <= width
    browser.window(1280)


def test_searching_leaves_what_is_sought(browser: Browser, page: Path) -> None:
    browser.open(page)
    shown = browser.run("""(() => { const field = document.getElementById("search"); field.value = "read time";
        field.dispatchEvent(new Event("input")); return [...document.querySelectorAll(".parameter")]
        .filter(p => p.checkVisibility()).map(p => p.dataset.name); })()""")
    assert "hbf.read_time" in shown
    assert "batch" not in shown


# --- the command


def test_the_command_writes_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "page.html"
    with pytest.raises(SystemExit) as done:
        main(["explore", "h100-sxm", "--model", "llama-3.1-8b", "--batch", "4", "--set", "hbm.stacks=6", "-o",
              str(target)])  # fmt: skip
    assert done.value.code == 0
    out = capsys.readouterr()
    assert out.out == ""
    assert str(target) in out.err
    values = {p["name"]: p["value"] for p in data_of(target)["parameters"]}
    assert values["hbm.stacks"] == 6
    assert values["batch"] == 4
    assert "resolved" in data_of(target)["spec"]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["explore", "h100-sxm", "--model", "llama-3.1-8b"], "'-o'"),
        (["explore", "h100-sxm", "--model", "llama-3.1-8b", "-o", "/nowhere/page.html"], "cannot write"),
        (["explore", "h100-sxm", "--model", "llama-3.1-8b", "--batch", "0", "-o", "page.html"], "batch"),
    ],
)
def test_bad_input_ends_with_one_sentence(
    arguments: list[str], why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as done:
        main(arguments)
    assert done.value.code == 2
    assert why in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
