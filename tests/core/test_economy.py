"""Money and carbon: the worked example of a rack, the sum rules, what is absent, and lists of prices."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

import symarch
from symarch.api import Result
from symarch.errors import SpecError
from symarch.specs import read_system, resolved
from symarch.technologies import Economy

YEAR = 31557600.0
HOUR = 3600.0

RACK = """
format = 1
prices = "2026-08"
[technology.chip]
kind = "processor"
[technology.chip.parameters]
speed = "1 PFLOP/s"
idle = "112.2 kW"
most = "132 kW"
flop = "1e-30 J/FLOP"
byte = "1e-30 J/B"
[technology.chip.expressions]
peak_bf16 = "speed"
energy_per_flop = "flop"
energy_per_byte = "byte"
static_power = "idle"
power_limit = "most"
[technology.store]
kind = "memory"
[technology.store.parameters]
size = "1 TB"
rate = "10 TB/s"
byte = "1e-30 J/B"
idle = "1e-9 W"
worth = "1 USD"
mass = "1e-9 kg"
[technology.store.expressions]
capacity = "size"
read_bandwidth = "rate"
read_energy = "byte"
write_energy = "byte"
static_power = "idle"
cost = "worth"
embodied_carbon = "mass"
[processor.gpu]
technology = "chip"
price = "3.4 MUSD"
making_carbon = "1312 kg"
[memory.hbm]
technology = "store"
[economy]
electricity = "0.0929 USD/kWh"
pue = 1.1
host_power = 1
host_cost = 0
maintenance = "0 1/year"
facility_cost = "18.939393939393938 USD/W"
utilisation = 1
"""


def metric(result: Result, name: str) -> float:
    value = result.metrics[name]
    assert value is not None
    return value


def write(folder: Path, text: str) -> Path:
    path = folder / "rack.toml"
    path.write_text(text)
    return path


def rack(folder: Path, **settings: str) -> symarch.api.Analysis:
    system = read_system(write(folder, RACK), {k.replace("__", "."): v for k, v in settings.items()})
    return symarch.analyze(system, symarch.load_model("llama-3.1-8b"))


@pytest.mark.parametrize(("years", "due"), [(3, 2.092), (4, 1.628), (5, 1.350), (6, 1.166)])
def test_a_rack_of_72_costs_what_the_worked_example_says(tmp_path: Path, years: int, due: float) -> None:
    # GB200 NVL72: 3.4 MUSD, building 2.5 MUSD for 132 kW, 85 % of it drawn, 8 % interest over 5 and 15 years; US
    # dollars for each of 72 processors and hour: machines as above, building 0.463, electricity 0.159
    analysis = rack(tmp_path, economy__life=f"{years * 8760} h", economy__facility_life=f"{15 * 8760} h",
                    economy__period="8760 h")  # fmt: skip
    found = analysis.evaluate(batch=8)
    tokens = metric(found, "throughput") * HOUR
    terms = {t.resource: t.value * tokens / 1e6 / 72 for t in analysis.explain(
        "cost_per_million_tokens", batch=8).terms}  # fmt: skip
    assert terms["gpu"] == pytest.approx(due, abs=6e-4)
    assert terms["facility"] == pytest.approx(0.463, abs=6e-4)
    assert terms["electricity"] == pytest.approx(0.159, abs=6e-4)
    assert math.fsum(terms.values()) == pytest.approx(
        metric(found, "cost_per_million_tokens") * tokens / 1e6 / 72, rel=1e-12
    )


DISK = """
[technology.flash]
kind = "memory"
[technology.flash.parameters]
size = "1 TB"
rate = "10 TB/s"
byte = "1e-30 J/B"
idle = "1e-9 W"
worth = "6 kUSD"
mass = "50 kg"
written = "100 PB"
[technology.flash.expressions]
capacity = "size"
read_bandwidth = "rate"
read_energy = "byte"
write_energy = "byte"
static_power = "idle"
cost = "worth"
embodied_carbon = "mass"
endurance = "written"
[memory.disk]
technology = "flash"
[mapping]
place = { kv_cache = "disk", weights = "hbm", activations = "hbm" }
"""


def worn(folder: Path, **settings: str) -> symarch.api.Analysis:
    settings = {"economy__utilisation": "0.6", "economy__maintenance": "0.05 1/year"} | settings
    path = write(folder, RACK.replace("[economy]", DISK + "[economy]"))
    system = read_system(path, {k.replace("__", "."): v for k, v in settings.items()})
    return symarch.analyze(system, symarch.load_model("llama-3.1-8b"))


def test_flash_that_wears_out_first_is_paid_off_over_its_own_life(tmp_path: Path) -> None:
    # a cache of 131072 bytes a token, 2048 + 255 tokens of 8 sequences written in each request time, for 60 % of it
    analysis = worn(tmp_path)
    found = analysis.evaluate(batch=8)
    wear = 0.6 * 8 * (2048 + 255) * 131072 / metric(found, "request_time") / 100e15
    (lasting,) = found.lasting
    assert lasting.memory == "disk"
    assert lasting.lasts == pytest.approx(1 / wear, rel=1e-12)
    assert 0.1 * YEAR < lasting.lasts < 3 * YEAR, "it must wear out first, or this test says nothing"
    assert lasting.bought == pytest.approx(5 * YEAR * wear, rel=1e-12)
    paid_for = 1e6 / (0.6 * metric(found, "throughput"))  # seconds
    yearly = 0.08 / (1 - 1.08 ** -(lasting.lasts / YEAR)) + 0.05
    terms = {t.resource: t.value for t in analysis.explain("cost_per_million_tokens", batch=8).terms}
    assert terms["disk"] == pytest.approx(6000 * yearly / YEAR * paid_for, rel=1e-9)
    making = {t.resource: t.value for t in analysis.explain("carbon_per_million_tokens", batch=8).terms}
    assert making["disk"] == pytest.approx(50 * wear * paid_for, rel=1e-9)


def test_what_outlasts_the_machines_is_paid_for_once(tmp_path: Path) -> None:
    lasting = worn(tmp_path, disk__written="100 EB").evaluate(batch=8).lasting[0]
    assert (lasting.bought, lasting.words) == (1, "")
    terms = {t.resource: t.value for t in worn(tmp_path, disk__written="100 EB").explain(
        "cost_per_million_tokens", batch=8).terms}  # fmt: skip
    assert terms["disk"] / terms["gpu"] == pytest.approx(6000 / 3.4e6, rel=1e-12)


@pytest.mark.parametrize("metric", ["cost_per_million_tokens", "carbon_per_million_tokens", "throughput_per_dollar"])
@pytest.mark.parametrize("written", ["100 PB", "100 EB"])
def test_the_sum_rules_hold_where_flash_is_replaced(tmp_path: Path, written: str, metric: str) -> None:
    analysis = worn(tmp_path, disk__written=written)
    sensitivity = analysis.sensitivity(metric, batch=8)
    assert all(c.ok for c in sensitivity.checks)
    size = {e.parameter: e.elasticity for e in sensitivity.elasticities}["disk.written"]
    assert (size == 0) == (written == "100 EB")
    step = 1e-6 * analysis.recorded().symbols["disk.written"].value
    ends = [analysis.evaluate(batch=8, **{"disk.written": analysis.recorded().symbols["disk.written"].value + s})
            for s in (-step, step)]  # fmt: skip
    slope = math.log(ends[1].metrics[metric] / ends[0].metrics[metric]) / 2e-6  # type: ignore[operator]
    assert size == pytest.approx(slope, abs=1e-7)


def test_the_life_at_which_flash_must_be_replaced_is_a_kink(tmp_path: Path) -> None:
    lasts = worn(tmp_path).evaluate(batch=8).lasting[0].lasts
    found = worn(tmp_path, economy__life=f"{lasts!r} s").sensitivity("carbon_per_million_tokens", batch=8)
    sides = {e.parameter: e.elasticity for e in found.elasticities}["disk.written"]
    assert isinstance(sides, tuple)
    assert sides[0] < -1e-6 < sides[1] == 0


def test_recovery_of_a_price_is_that_of_an_annuity() -> None:
    # 8 % over 5 and 15 years: 0.25046 and 0.11683 of the price each year
    economy = Economy(interest=0.08, period=YEAR, life=5 * YEAR, facility_life=15 * YEAR)
    assert economy.recovery * YEAR == pytest.approx(0.25046, abs=5e-6)
    assert economy.facility_recovery * YEAR == pytest.approx(0.11683, abs=5e-6)
    free = Economy(interest=1e-9, period=YEAR, life=5 * YEAR)
    assert free.recovery * YEAR == pytest.approx(1 / 5, rel=1e-6)  # without interest a price is divided evenly


def test_a_token_costs_more_where_the_machine_idles(tmp_path: Path) -> None:
    busy, half = (rack(tmp_path, economy__utilisation=u).evaluate(batch=8) for u in ("1", "0.5"))
    machines = {u: rack(tmp_path, economy__utilisation=u).explain("cost_per_million_tokens", batch=8).terms
                for u in ("1", "0.5")}  # fmt: skip
    value = {u: {(t.resource, t.cause): t.value for t in found} for u, found in machines.items()}
    key = ("gpu", "purchase and upkeep")
    assert value["0.5"][key] == pytest.approx(2 * value["1"][key], rel=1e-12)
    # nearly all energy of this rack is drawn idle or not, so each token's doubles too
    power = sum(v for (who, _), v in value["0.5"].items() if who == "electricity")
    assert power == pytest.approx(2 * value["1"]["electricity", "at work"], rel=1e-6)
    assert half.energy_per_token == busy.energy_per_token


def test_carbon_is_energy_and_a_share_of_making(tmp_path: Path) -> None:
    analysis = rack(tmp_path, economy__grid_carbon="369 g/kWh")
    found = analysis.evaluate(batch=8)
    work = 1e6 * metric(found, "energy_per_token") * 1.1 * 0.369 / 3.6e6
    making = 1e6 / metric(found, "throughput") * 1312 / (5 * YEAR)
    assert found.carbon_per_million_tokens == pytest.approx(work + making, rel=1e-9)


@pytest.mark.parametrize("metric", ["cost_per_million_tokens", "carbon_per_million_tokens", "throughput_per_dollar",
                                    "throughput_per_watt"])  # fmt: skip
@pytest.mark.parametrize("name", ["h100-sxm-8", "h200-hbf-8", "b200-optics-64", "h100-cxl-pool-8"])
def test_elasticities_sum_to_the_exponents_of_dollars_and_kilograms(name: str, metric: str) -> None:
    analysis = symarch.analyze(symarch.load_system(name), symarch.load_model("llama-3.1-70b"))
    found = analysis.sensitivity(metric, batch=64)
    due = {"cost_per_million_tokens": ("USD", 1), "throughput_per_dollar": ("USD", -1),
           "carbon_per_million_tokens": ("kg", 1), "throughput_per_watt": ("J", -1)}[metric]  # fmt: skip
    sums = {c.unit: c for c in found.checks}
    assert sums[due[0]].expected == due[1]
    assert all(c.ok for c in found.checks)


@pytest.mark.parametrize("metric", ["cost_per_million_tokens", "carbon_per_million_tokens"])
def test_an_explanation_of_cost_sums_to_the_cost(metric: str) -> None:
    analysis = symarch.analyze(symarch.load_system("h200-hbf-8"), symarch.load_model("llama-3.1-70b"))
    why = analysis.explain(metric, batch=16)
    assert math.fsum(t.value for t in why.terms) == pytest.approx(why.value, rel=1e-12)
    assert why.value == pytest.approx(analysis.evaluate(batch=16).metrics[metric], rel=1e-12)
    for term in why.terms:
        known = {s: why.values[str(s)] for s in term.expression.free_symbols}
        assert float(term.expression.xreplace(known)) == pytest.approx(term.value, rel=1e-9)


def test_program_floats_and_bare_dimensions_agree() -> None:
    analysis = symarch.analyze(symarch.load_system("h200-hbf-8"), symarch.load_model("llama-3.1-8b"))
    found, floats = analysis.evaluate(batch=16), analysis.evaluate_on_floats(batch=16)
    for name in ("cost_per_million_tokens", "carbon_per_million_tokens", "throughput_per_dollar",
                 "throughput_per_watt"):  # fmt: skip
        assert floats[name] == pytest.approx(found.metrics[name], rel=1e-12)
    analysis.check_dimensions()
    assert found.throughput_per_watt == pytest.approx(1 / metric(found, "energy_per_token"), rel=1e-12)
    assert found.throughput_per_dollar == pytest.approx(1e6 / metric(found, "cost_per_million_tokens"), rel=1e-12)


def test_what_has_no_price_is_missing_by_the_name_that_would_give_it() -> None:
    model = symarch.load_model("llama-3.1-8b")
    found = symarch.analyze(symarch.load_system("tpu-v6e-8"), model).evaluate()
    assert found.cost_per_million_tokens is None
    assert found.missing["cost_per_million_tokens"] == ("tpu.price",)
    assert found.missing["carbon_per_million_tokens"] == ("tpu.making_carbon",)
    assert found.throughput_per_watt is not None
    given = symarch.analyze(symarch.load_system("tpu-v6e-8", {"tpu.price": "20 kUSD"}), model).evaluate()
    assert given.cost_per_million_tokens is not None


def test_a_shared_memory_is_paid_once() -> None:
    analysis = symarch.analyze(symarch.load_system("h100-cxl-pool-8"), symarch.load_model("llama-3.1-8b"))
    shared = next(c for c in analysis.system.of("memory") if c.shared_by > 1)
    terms = {t.resource: t.value for t in analysis.explain("cost_per_million_tokens").terms}
    prices = {n: analysis.recorded().program.names[f"{n}.cost"] for n in (shared.name, "gpu")}
    from symarch.program.derivatives import evaluate

    values = {n: s.value for n, s in analysis.recorded().symbols.items()}
    computed = evaluate(analysis.recorded().program, values)
    one, chip = (computed[i] for i in prices.values())
    assert terms[shared.name] / terms["gpu"] == pytest.approx(one / (8 * chip), rel=1e-12)


def test_a_list_of_prices_stands_between_presets_and_the_spec(tmp_path: Path) -> None:
    plain = symarch.load_system("h200-sxm")
    setting = plain.components["hbm"].settings["price"]
    assert setting.value == pytest.approx(12e-9)
    assert setting.origin == "prices 2026-08"
    assert "HBM3E stack" in setting.source
    assert symarch.load_system("h200-sxm", prices="2025-06").components["hbm"].settings["price"].value == 10e-9
    own = write(tmp_path, 'format = 1\nextends = "h200-sxm"\nprices = "2025-06"\n[memory.hbm]\nprice = "9 USD/GB"\n')
    assert read_system(own).components["hbm"].settings["price"].value == 9e-9
    assert read_system(own).prices == "2025-06"
    assert read_system(own, {"hbm.price": "8 USD/GB"}).components["hbm"].settings["price"].value == 8e-9


def test_the_list_is_an_assumption_where_nobody_chose_it() -> None:
    model = symarch.load_model("llama-3.1-8b")
    silent = symarch.analyze(symarch.load_system("h200-sxm"), model).evaluate().assumptions
    said = symarch.analyze(symarch.load_system("h200-sxm", prices="2025-06"), model).evaluate().assumptions
    assert "hbm.price, economy.electricity are from the list of prices 2026-08, since no list was named" in silent
    assert "hbm.price, economy.electricity are from the list of prices 2025-06" in said


@pytest.mark.parametrize(
    ("sets", "words"),
    [
        ('["hbm.colour"]', "hbm has no parameter 'colour'"),
        ('["hbm.pin_rate"]', r"it is in USD/B, pin_rate in B/s"),
        ('["hbm"]', "'hbm' is no TECHNOLOGY.PARAMETER"),
        ('"hbm.price"', "it must be a list"),
    ],
)
def test_a_list_that_sets_what_cannot_be_is_refused(tmp_path: Path, sets: str, words: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(f'format = 1\ntitle = "t"\ndate = "2026-08"\nsource = "s"\n[price.x]\nitem = "i"\n'
                    f'value = "1 USD/GB"\nbasis = "spot"\nsource = "s"\nsets = {sets}\n')  # fmt: skip
    with pytest.raises(SpecError, match=words):
        symarch.load_system("h100-sxm", prices=str(path))


def test_a_price_for_a_preset_stands_before_one_for_all(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    rows = "".join(
        f'[price.{n}]\nitem = "i"\nvalue = "{v} USD/GB"\nbasis = "spot"\nsource = "s"\nsets = ["{t}"]\n'
        for n, v, t in (("a", 3, "hbm:hbm3e.price"), ("b", 2, "hbm.price"))
    )
    path.write_text(f'format = 1\ntitle = "t"\ndate = "2026-08"\nsource = "s"\n{rows}')
    assert symarch.load_system("h200-sxm", prices=str(path)).components["hbm"].settings["price"].value == 3e-9
    assert symarch.load_system("h100-sxm", prices=str(path)).components["hbm"].settings["price"].value == 2e-9


def test_a_resolved_system_costs_the_same(tmp_path: Path) -> None:
    model = symarch.load_model("llama-3.1-8b")
    system = symarch.load_system("h200-hbf-8", {"economy.pue": "1.3"}, prices="2025-06")
    again = read_system(write(tmp_path, resolved(system)))
    costs = [symarch.analyze(s, model).evaluate().cost_per_million_tokens for s in (system, again)]
    assert costs[0] == costs[1] != symarch.analyze(symarch.load_system("h200-hbf-8"), model).evaluate(
    ).cost_per_million_tokens  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[economy]\npeu = 1.2\n", "economy.peu: unknown key; did you mean|economy.peu: unknown key; nearest: pue"),
        ('[economy]\npue = "1 W"\n', "economy.pue"),
        ("economy = 3\n", "economy: it must be a table"),
        ("prices = 3\n", "prices: it is 3; it must be a text"),
        ('prices = "1999"\n', "unknown prices '1999'"),
    ],
)
def test_faults_of_the_economy_are_told(tmp_path: Path, text: str, words: str) -> None:
    top, _, table = text.partition("[")
    path = write(tmp_path, f'format = 1\nextends = "h100-sxm"\n{top}{"[" + table if table else ""}')
    with pytest.raises(SpecError, match=words):
        read_system(path)


def test_pools_are_paid_together() -> None:
    model = symarch.load_model("llama-3.1-70b")
    analysis = symarch.analyze(symarch.load_system("h100-h200-apart"), model)
    found = analysis.evaluate(batch=16)
    why = analysis.explain("cost_per_million_tokens", batch=16)
    terms = {t.resource: t.value for t in why.terms}
    assert math.fsum(t.value for t in why.terms) == pytest.approx(metric(found, "cost_per_million_tokens"), rel=1e-12)
    # both hold 8 processors at their own price
    prices = {pool: analysis.recorded().symbols[f"{pool}_gpu.price"].value for pool in ("prefill", "decode")}
    assert terms["prefill_gpu"] / terms["decode_gpu"] == pytest.approx(prices["prefill"] / prices["decode"], rel=1e-12)
    assert all(c.ok for c in analysis.sensitivity("cost_per_million_tokens", batch=16).checks)
    twice = symarch.analyze(
        symarch.load_system("h100-h200-apart", {"pool.prefill.count": "2", "transfer.size": "24"}), model
    )
    again = {t.resource: t.value for t in twice.explain("cost_per_million_tokens", batch=16).terms}
    ratio = metric(found, "throughput") / metric(twice.evaluate(batch=16), "throughput")
    assert again["prefill_gpu"] == pytest.approx(2 * terms["prefill_gpu"] * ratio, rel=1e-9)


def test_the_economy_is_one_for_all_pools(tmp_path: Path) -> None:
    text = 'format = 1\nextends = "h100-h200-apart"\n[pool.prefill.economy]\npue = 1.2\n'
    with pytest.raises(SpecError, match=r"pool\.prefill\.economy: it is one for the whole system"):
        read_system(write(tmp_path, text))
    text = 'format = 1\nextends = "h100-h200-apart"\nprices = "2025-06"\n[economy]\npue = 1.2\n'
    system = read_system(write(tmp_path, text))
    assert system.part("prefill").economy.settings["pue"].value == 1.2
    assert system.components["decode_hbm"].settings["price"].origin == "prices 2025-06"
