from __future__ import annotations

from pathlib import Path

import pytest

from symarch.errors import SpecError
from symarch.specs import read_prices, shipped

LISTS = sorted((shipped() / "prices").glob("*.toml"))
GOOD = '[price.x]\nitem = "a module"\nvalue = "4 USD/GB"\nbasis = "contract"\nsource = "this test"\n'


@pytest.mark.parametrize("path", LISTS, ids=lambda p: str(p.stem))
def test_shipped_prices_are_dated_sourced_and_for_bytes(path: Path) -> None:
    found = read_prices(path)
    assert found.name == found.date
    assert found.title and found.source
    for price in found.prices.values():
        assert price.unit in ("USD/B", "USD", "USD/J")
        assert price.date <= found.date
        assert len(price.source) > 20
        assert (price.low or price.value) <= price.value <= (price.high or price.value)


# 64 GB for 255 USD (Counterpoint Research, third quarter of 2025), 36 GB for 560 and 700 USD (HBM4, SK hynix, Samsung)
@pytest.mark.parametrize(
    ("name", "item", "low", "high"),
    [
        ("2025-06", "ddr5-rdimm", 255 / 64, 255 / 64),
        ("2026-08", "ddr5-rdimm", 700 / 64, 1590 / 64),
        ("2026-08", "hbm4", 560 / 36, 700 / 36),
        ("2026-08", "hbm3e", 8.6, 15.1),
        ("2025-06", "tlc-die", 4.80 / 128, 4.80 / 128),
        ("2026-08", "tlc-die", 25 / 128, 35 / 128),
        ("2025-06", "tlc-ssd", 3062 / 30720, 3062 / 30720),
        ("2026-08", "tlc-ssd", 10950 / 30720, 10950 / 30720),
    ],
)
def test_a_shipped_price_lies_within_the_reports_it_names(name: str, item: str, low: float, high: float) -> None:
    value = read_prices(shipped() / "prices" / f"{name}.toml").prices[item].value * 1e9
    assert low * 0.98 <= value <= high * 1.02


def read(folder: Path, text: str) -> object:
    path = folder / "2026-01.toml"
    path.write_text(text, encoding="utf-8")
    return read_prices(path)


def test_what_a_price_does_not_state_the_list_does(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    rent = '[price.y]\nitem = "rent"\nvalue = "2.35 USD/h"\nlow = "2 USD/h"\nunit = "USD/s"\nbasis = "rental"\n'
    more = 'date = "2024"\nsource = "me"\nstatus = "measured"\n'
    path.write_text('format = 1\ndate = "2026-01"\n' + GOOD + rent + more, encoding="utf-8")
    x, y = read_prices(path).prices.values()
    assert (x.value, x.low, x.high, x.unit, x.date, x.status) == (4e-9, None, None, "USD/B", "2026-01", "assumed")
    assert (y.value, y.low) == pytest.approx((2.35 / 3600, 2 / 3600), rel=1e-15)
    assert (y.unit, y.date, y.status) == ("USD/s", "2024", "measured")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("format = 1", "format = 2", "format: this version reads 'format = 1'; found 2"),
        ("format = 1", "", "it is missing"),
        ("format = 1", "format = 1\ndates = 3", "unknown key 'dates'; did you mean 'date'"),
        ('date = "2026-01"', "date = 2026", "date is 2026; it must be a text"),
        ('date = "2026-01"', 'date = "in May"', "price.x: date is 'in May'; it must be a year"),
        ("[price.x]", "[price]", "prices are named tables"),
        ("4 USD/GB", "4 GB/USD", "price.x: value: .*USD/B"),
        ("4 USD/GB", "-4 USD/GB", "greater than 0"),
        ('"4 USD/GB"', "4", "it must be a text with its unit"),
        ('value = "4 USD/GB"\n', "", "value: it is missing"),
        ("contract", "gift", "basis is 'gift'; it must be one of contract, spot, retail, rental, estimate"),
        ('source = "this test"\n', "", "source is missing"),
        ("item", "itme", "unknown key 'itme'; did you mean 'item'"),
        ('basis = "contract"', 'basis = "contract"\nlow = "5 USD/GB"', "not between low and high"),
        ('basis = "contract"', 'basis = "contract"\nunit = "B/s"', "unit is 'B/s'; it must be USD"),
        ('basis = "contract"', 'basis = "contract"\nunit = "dollars"', "unit is 'dollars'"),
        ('basis = "contract"', 'basis = "contract"\nstatus = "sure"', "status is 'sure'"),
        ("format = 1", "format = 1\nx = " + "9" * 5000, "not TOML"),
    ],
)
def test_a_fault_is_one_clear_sentence(tmp_path: Path, old: str, new: str, words: str) -> None:
    text = 'format = 1\ndate = "2026-01"\n' + GOOD
    assert old in text
    with pytest.raises(SpecError, match=words) as caught:
        read(tmp_path, text.replace(old, new, 1))
    assert all(f.startswith("2026-01.toml: ") for f in caught.value.faults)


def test_a_missing_file_is_one_clear_sentence(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"none.toml: cannot be read"):
        read_prices(tmp_path / "none.toml")
