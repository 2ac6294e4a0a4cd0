"""Tables: the family by name or columns, faults told with file and column."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from symarch.accuracy import FAMILIES, read_table
from symarch.errors import SymarchError

GEMM = "system,dtype,m,n,k,latency_us\nh100_sxm,bf16,1,256,512,3.5\na100_sxm,fp8,2,256,512,4.5\n"


def written(tmp_path: Path, name: str, text: str) -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["gemm.csv", "GEMM_of_mine.csv", "unnamed.csv"])
def test_a_family_is_known_by_name_or_columns(tmp_path: Path, name: str) -> None:
    table = read_table(written(tmp_path, name, GEMM))
    assert table.family == "gemm"
    assert len(table) == 2
    assert table.numbers["k"].tolist() == [512, 512]
    assert table.row(1) == {"system": "a100_sxm", "dtype": "fp8", "m": 2, "n": 256, "k": 512}


def test_columns_alone_tell_prefill_from_decode(tmp_path: Path) -> None:
    columns = FAMILIES["attention_prefill"].columns
    text = ",".join(columns) + "\n" + ",".join("1" for _ in columns) + "\n"
    assert read_table(written(tmp_path, "x.csv", text)).family == "attention_prefill"


def test_rows_are_grouped_by_their_words(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, "gemm.csv", GEMM))
    assert {k: rows.tolist() for k, rows in table.groups(("system",))} == {("h100_sxm",): [0], ("a100_sxm",): [1]}
    assert table.of_systems(("a100_sxm",)).words["dtype"].tolist() == ["fp8"]
    assert len(table.of_systems(())) == 2


def test_a_cell_that_is_no_number_is_none(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, "gemm.csv", GEMM.replace(",3.5", ",n/a")))
    assert np.isnan(table.numbers["latency_us"]).tolist() == [True, False]


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("other.csv", "a,b\n1,2\n", "neither name nor columns say what it measures"),
        ("gemm.csv", GEMM.replace(",k,", ",kk,"), "column k is missing, which gemm needs"),
        ("gemm.csv", GEMM.split("\n", 1)[0] + "\n", "a header and no rows"),
        ("gemm.csv", GEMM + "h100_sxm,bf16\n", "row 4 has 2 cells, the header 6"),
    ],
)
def test_faults_name_the_file(tmp_path: Path, name: str, text: str, sentence: str) -> None:
    with pytest.raises(SymarchError, match=f"{name}: .*{sentence}"):
        read_table(written(tmp_path, name, text))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SymarchError, match=r"gemm\.csv: cannot be read: No such file"):
        read_table(tmp_path / "gemm.csv")
