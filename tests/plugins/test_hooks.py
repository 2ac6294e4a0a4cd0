"""Each hook has a built-in user and serves a third party end to end.

The third party is the package of docs/how-to/extend-symarch.md, installed as it stands on that page; what it computes
is held to hand calculations.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import symarch
from symarch.cli import main
from symarch.errors import ModelError, UnknownNameError
from symarch.plugins import registry
from symarch.plugins.discovery import KINDS
from symarch.report.data import plugins_of
from symarch.specs import find_model
from symarch.technologies import Call
from symarch.testing import check_technology

Install = Callable[..., Path]
ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "how-to" / "extend-symarch.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```\n", PAGE, re.DOTALL))
PROJECT = tomllib.loads(FILES["pyproject.toml"])["project"]
POINTS = PROJECT["entry-points"]["symarch"]

USERS = {
    "symarch_technologies": ("hbm", "symarch_technologies.hbm"),
    "symarch_specs": ("specs.shipped", "symarch.specs.files"),
    "symarch_collectives": ("collective.ring", "symarch_technologies.collectives"),
    "symarch_trace_readers": ("trace.jsonl", "symarch.trace.records"),
    "symarch_report_formats": ("report.text", "symarch.report.formats"),
    "symarch_report_sections": ("section.headline", "symarch.report.sections"),
    "symarch_model_architectures": ("model.llama", "symarch.trace.dense"),
}


@pytest.fixture
def extras(install: Install, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder where the package is installed, with its example files in it."""
    site = install(PROJECT["name"], FILES, POINTS, PROJECT["version"])
    monkeypatch.chdir(site)
    return site


def command(arguments: str, capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    with pytest.raises(SystemExit) as stopped:
        main(arguments.split())
    out, err = capsys.readouterr()
    assert stopped.value.code in (0, None), err
    return out


def test_every_hook_is_looked_at_here() -> None:
    assert set(USERS) == set(KINDS)
    reached = {
        kind.hook for point in POINTS for kind in KINDS.values() if kind.prefix and point.startswith(kind.prefix)
    }
    assert reached == set(KINDS) - {"symarch_technologies", "symarch_specs"}  # those two: `two-boards`, test_data_packs


@pytest.mark.parametrize("hook", USERS)
def test_each_hook_has_a_user_of_our_own(hook: str) -> None:
    point, module = USERS[hook]
    registry().load_all()
    provider = registry().provider(point)
    assert (provider.distribution, provider.module) == ("symarch", module)
    assert hook in registry().provides(point)


def test_all_of_a_third_partys_plugins_are_listed(extras: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = json.loads(command("plugins list --json", capsys))
    mine = {r["name"]: (r["kind"], r["version"]) for r in rows if r["distribution"] == "symarch-extras"}
    assert mine == {
        "two-boards": ("topology", "0.1.0"),
        "host-driven": ("processor", "0.1.0"),
        "collective.server": ("collective algorithm", "0.1.0"),
        "trace.products": ("trace reader", "0.1.0"),
        "report.csv": ("report format", "0.1.0"),
        "section.racks": ("report section", "0.1.0"),
        "model.house_style": ("model_type", "0.1.0"),
    }
    assert set(POINTS) == set(mine)
    assert registry().failures() == {}


def test_a_run_loads_only_what_it_names(extras: Path) -> None:
    code = (
        "import sys; from symarch.cli import main\n"
        "try: main(['run', 'boards.toml', '--model', 'llama-3.1-8b'])\n"
        "except SystemExit: pass\n"
        "print([m for m in sys.modules if m.startswith('symarch_extras.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=extras, capture_output=True, text=True, check=True)
    loaded = done.stdout.splitlines()[-1]
    assert "symarch_extras.two_boards" in loaded
    assert "symarch_extras.host_driven" not in loaded
    assert "symarch_extras.csv_format" not in loaded


@pytest.mark.parametrize("name", ["two-boards", "host-driven"])
def test_its_technologies_pass_the_kit(name: str, extras: Path) -> None:
    assert check_technology(name).ok


def test_a_topology_and_an_algorithm_are_used_by_a_run(extras: Path) -> None:
    llama = symarch.load_model("llama-3.1-8b")
    system = symarch.load_system("served.toml")
    result = symarch.analyze(system, llama, phase="decode").evaluate(batch=16)
    reduce = next(o for o in result.operators if o.name == "all_reduce")
    assert reduce.algorithm == "server"
    # 14 vectors of 16 x 4096 x 2 B through one port, 2 steps of 3 hops and 6 of handshakes, 6 further peers in each
    link = {n: s.value for n, s in system.components["scale_up"].settings.items()}
    rate = link["links"] * link["lanes"] * link["lane_rate"] * link["efficiency"]
    hops = 2 * (3 + link["handshake_hops"])
    due = 2 * link["software_latency"] + hops * link["latency"] + 12 * link["peer_latency"] + 14 * 16 * 4096 * 2 / rate
    assert reduce.time == pytest.approx(due, rel=1e-12)
    origins = {p["name"]: p["distribution"] for p in plugins_of(system)}
    assert origins["two-boards"] == origins["collective.server"] == "symarch-extras"


def test_a_third_partys_algorithm_runs_on_our_topologies_and_ours_on_its(extras: Path) -> None:
    def call(topology: str) -> Call:
        made: Any = registry().technology(topology)()
        return Call("all_reduce", nodes=8, size=1e6, topology=made, step=lambda hops: 1e-6, rate=1e9)

    on_switch = registry().collective("server")().schedule(call("switch"))
    assert (on_switch.bytes, on_switch.steps, on_switch.hops, on_switch.peers) == (14e6, 2, 4, 12)
    ring = registry().collective("ring")().schedule(call("two-boards"))  # one message at a time on a trunk of 2
    assert (ring.bytes, ring.steps, ring.hops) == (2 * 7 / 8 * 1e6, 14, 42)
    two_shot = registry().collective("two_shot")().schedule(call("two-boards"))  # 16 of 28 pairs cross: 16/7 over 2
    assert two_shot.bytes == pytest.approx(2 * 7 / 8 * 1e6 * (16 / 7) / 2, rel=1e-15)


def test_nothing_of_it_is_taken_without_being_named(extras: Path, install: Install) -> None:
    eight = symarch.analyze(symarch.load_system("h100-sxm-8"), symarch.load_model("llama-3.1-8b")).evaluate()
    assert "server" not in {o.algorithm for o in eight.operators}


def test_a_processor_with_its_own_effort_is_used_by_a_run(extras: Path) -> None:
    spec = 'format = 1\n[processor.acc]\ntechnology = "host-driven"\n[memory.hbm]\ntechnology = "hbm"\nstacks = 8\n'
    (extras / "host.toml").write_text(spec, encoding="utf-8")
    system = symarch.load_system("host.toml")
    result = symarch.analyze(system, symarch.load_model("llama-3.1-8b"), phase="decode").evaluate()
    down = next(o for o in result.operators if o.name == "down")
    # weights of 4096 x 14336 and both activations over 8 stacks after one latency, and 4096 / 128 commands of 0.1 us
    hbm = {n: s.value for n, s in system.components["hbm"].settings.items()}
    memory: Any = registry().technology("hbm")(**hbm)
    rate = memory.read_bandwidth * memory.efficiency
    moved = (4096 * 14336 + 4096 + 14336) * 2
    assert down.time == pytest.approx(moved / rate + memory.read_latency + 32 * 0.1e-6, rel=1e-12)
    assert {r.name for r in result.resources} >= {"acc.commands", "hbm"}
    found = symarch.analyze(system, symarch.load_model("llama-3.1-8b"), phase="decode").sensitivity("tpot")
    commands = next(e for e in found.elasticities if e.parameter == "acc.command")
    share = next(r.share for r in result.resources if r.name == "acc.commands")
    assert commands.elasticity == pytest.approx(share, rel=1e-9)


def test_a_model_family_is_used_by_a_run(extras: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ours = symarch.load_model("house-7b")
    assert ours.parameters() == 8_030_261_248  # that of Llama 3.1 8B, whose sizes it has
    system = symarch.load_system("h100-sxm")
    theirs = symarch.load_model("llama-3.1-8b")
    assert symarch.analyze(system, ours).evaluate().metrics == symarch.analyze(system, theirs).evaluate().metrics
    (extras / "house-7b" / "config.json").write_text('{"model_type": "house_style", "width": "big"}', encoding="utf-8")
    with pytest.raises(ModelError, match=r"config.json: width is 'big'; it must be a whole number"):
        symarch.load_model("house-7b")


def test_a_trace_reader_reads_a_file_that_a_run_takes(extras: Path) -> None:
    model = symarch.load_model("layers.csv")
    result = symarch.analyze(symarch.load_system("h100-sxm", {"gpu.launch": "0 s"}), model, phase="decode").evaluate()
    assert [(o.name, o.count) for o in result.operators] == [("up", 32), ("down", 32)]
    ideal = symarch.analyze(symarch.load_system("h100-sxm"), model, phase="decode", ideal=True).evaluate()
    # 2 x 32 matrices of 4096 x 14336 in bf16 from 3.35 TB/s; activations stay on the chip
    assert ideal.tpot == pytest.approx(2 * 32 * 4096 * 14336 * 2 / 3.35e12, rel=1e-3)
    (extras / "layers.csv").write_text(FILES["layers.csv"] + "decode,up,1,x,4096,32\n", encoding="utf-8")
    with pytest.raises(ModelError, match=r"layers.csv:4: it must be phase, name, m, n, k, repeat"):
        symarch.load_model("layers.csv")


def test_a_report_format_is_used_by_name_and_by_suffix(extras: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = "sensitivity h100-sxm --model llama-3.1-8b"
    lines = command(f"{arguments} --format csv", capsys).splitlines()
    data = json.loads(command(f"{arguments} --format json", capsys))
    assert lines[0] == "parameter,value,unit,elasticity"
    assert len(lines) == 1 + len(data["elasticities"])
    first = data["elasticities"][0]
    assert lines[1] == f"{first['parameter']},{first['value']},{first['unit']},{first['elasticity']}"
    command(f"{arguments} -o out.csv", capsys)
    assert (extras / "out.csv").read_text(encoding="utf-8").splitlines() == lines


def test_a_section_is_added_to_a_report_in_every_format(extras: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = "sensitivity h100-sxm-8 --model llama-3.1-70b --batch 64"
    result = json.loads(command("run h100-sxm-8 --model llama-3.1-70b --batch 64 --json", capsys))["metrics"]
    systems = int(130e3 / (result["power"]["value"] * 1.5))
    served = f"{systems * result['throughput']['value']:.0f}"
    for form in ("text", "md", "html", "latex"):
        alone = command(f"{arguments} --section racks --format {form}", capsys)
        assert f"At this point {systems} systems, hosts included, draw no more than 130 kW." in alone
        assert served in alone
        assert "Elasticities" not in alone
    assert "A rack" not in command(f"{arguments} --format md", capsys)  # installing it changes no report
    both = command(f"{arguments} --format md --section checks --section racks --section checks", capsys)
    assert [line for line in both.splitlines() if line.startswith("## ")] == ["## Checks", "## A rack"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("raise KeyError('x')", "report section 'racks' of distribution symarch-extras failed: KeyError: 'x'"),
        ("return 'text'", "report section 'racks' of distribution symarch-extras returned str; it must return a Sec"),
    ],
)
def test_a_section_that_fails_is_named_with_its_package(
    body: str, words: str, install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    code = FILES["symarch_extras/racks.py"].replace("    power, throughput", f"    {body}\n    power, throughput")
    files = {**FILES, "symarch_extras/racks.py": code}
    install(PROJECT["name"], files, {"section.racks": POINTS["section.racks"]}, PROJECT["version"])
    with pytest.raises(SystemExit) as stopped:
        main(["sensitivity", "h100-sxm", "--model", "llama-3.1-8b", "--format", "md", "--section", "racks"])
    assert stopped.value.code == 2
    assert words in capsys.readouterr().err


def test_an_unknown_section_is_told_before_anything_is_computed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["sensitivity", "h100-sxm", "--model", "llama-3.1-8b", "--section", "tornadoo"])
    assert stopped.value.code == 2
    assert "unknown report section 'tornadoo'; did you mean 'tornado'?" in capsys.readouterr().err


HIDDEN = [
    ("sensitivity h100-sxm --model llama-3.1-8b --section racks", "report section 'racks'"),
    ("run served.toml --model llama-3.1-8b", "collective algorithm 'server'"),
    ("run boards.toml --model llama-3.1-8b", "technology 'two-boards'"),
    ("run h100-sxm --model house-7b", "model_type 'house_style'"),
    ("sensitivity h100-sxm --model llama-3.1-8b --format csv", "report format 'csv'"),
]


@pytest.mark.parametrize(("arguments", "what"), HIDDEN)
def test_the_allowlist_covers_every_hook(
    arguments: str, what: str, extras: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SYMARCH_PLUGINS", "symarch, two-boards" if "served" in arguments else "symarch")
    registry.cache_clear()
    with pytest.raises(SystemExit) as stopped:
        main(arguments.split())
    assert stopped.value.code == 2
    assert f"unknown {what} (SYMARCH_PLUGINS allows only symarch" in capsys.readouterr().err
    monkeypatch.setenv("SYMARCH_PLUGINS", "symarch,symarch-extras")
    registry.cache_clear()
    assert command(arguments, capsys)


def test_the_allowlist_covers_readers(extras: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYMARCH_PLUGINS", "symarch")
    registry.cache_clear()
    assert "products" not in registry().trace_readers()
    with pytest.raises((ModelError, UnknownNameError)):
        symarch.load_model("layers.csv")
    monkeypatch.setenv("SYMARCH_PLUGINS", "symarch,trace.products")
    registry.cache_clear()
    assert symarch.load_model("layers.csv").name == "layers"


@pytest.mark.parametrize("point", sorted(POINTS))
def test_the_call_of_each_hook_is_traced(
    point: str, extras: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SYMARCH_TRACE_HOOKS", "1")
    registry().load_all()
    hook = next((k.hook for k in KINDS.values() if k.prefix and point.startswith(k.prefix)), "symarch_technologies")
    assert f"symarch: {hook} of plugin '{point}' of distribution symarch-extras returned" in capsys.readouterr().err


NPU = """
from symarch import Effort, Processor, Quantity, hookimpl, parameter, quantity, technology

@technology
class Npu(Processor):
    "A processor."
    name = "npu-odd"
    rate: Quantity = parameter("100 TFLOP/s", "FLOP/s", doc="peak")
    launch: Quantity = parameter("1 us", "s", doc="launch")

    @quantity("FLOP/s")
    def peak_bf16(self):
        return self.rate

    def effort(self, operator):
        late = type(operator).__name__ != "ProbeOperator"
        {body}

@hookimpl
def symarch_technologies():
    return [Npu]
"""

SPEC = """format = 1
name = "x"
[processor.chip]
technology = "npu-odd"
[memory.hbm]
technology = "hbm"
preset = "hbm3"
"""

GOOD = "return Effort({}, {'launch': self.launch})"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("return None", "technology 'npu-odd', quantity effort(matmul): it is None; it must be an Effort of tables"),
        ("return Effort([1], {})", "it must be an Effort of tables"),
        ("return Effort({'a': 'fast'}, {})", "quantity effort(matmul): a is 'fast', no time"),
        ("return Effort({'a': operator.dims['zz']}, {})", "quantity effort(matmul): KeyError: 'zz'"),
        (f"if late: raise ValueError('boo')\n        {GOOD}", "npu-odd', quantity effort(embedding): ValueError: boo"),
        (f"if late: return 3\n        {GOOD}", "npu-odd', quantity effort(embedding): it is 3; it must be an Effort"),
        ("return Effort({}, {'launch': self.launch * float('nan')})", "the time of embedding in prefill is nan here"),
    ],
)
def test_an_effort_that_is_none_is_named(
    install: Install, tmp_path: Path, capsys: pytest.CaptureFixture[str], body: str, words: str
) -> None:
    install("symarch-odd", {"npu_odd.py": NPU.replace("{body}", body)}, {"npu-odd": "npu_odd"})
    (tmp_path / "x.toml").write_text(SPEC)
    with pytest.raises(SystemExit) as stopped:
        main(["run", str(tmp_path / "x.toml"), "--model", "llama-3.1-8b"])
    printed = capsys.readouterr()
    assert (stopped.value.code, printed.out) == (2, "")
    assert words in printed.err


FAMILY = """
import attrs
from symarch import hookimpl
from symarch.plugins import registry

class Odd:
    @classmethod
    def from_config(cls, name, config):
        {body}

@hookimpl
def symarch_model_architectures():
    return {"odd": Odd}
"""

LATE = """made = registry().architecture("llama").from_config(name, {**config, "model_type": "llama"})
        class Late(type(made)):
            def operators(self, step, shard):
                return [1 / 0]
        return Late(**{k: getattr(made, k) for k in (f.name for f in attrs.fields(type(made)))})"""


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("raise KeyError('k')", "model family 'odd' of distribution symarch-odd failed: KeyError: 'k'"),
        ("return 7", "model family 'odd' of distribution symarch-odd returned 7, which is no model"),
        (LATE, "plugin 'model.odd' of distribution symarch-odd failed: ZeroDivisionError"),
    ],
)
def test_a_model_family_that_fails_is_named(
    install: Install, tmp_path: Path, capsys: pytest.CaptureFixture[str], body: str, words: str
) -> None:
    install("symarch-odd", {"family_odd.py": FAMILY.replace("{body}", body)}, {"model.odd": "family_odd"})
    config = json.loads(find_model("llama-3.1-8b").read_text())
    (tmp_path / "odd.json").write_text(json.dumps({**config, "model_type": "odd"}))
    with pytest.raises(SystemExit) as stopped:
        main(["run", "h100-sxm", "--model", str(tmp_path / "odd.json")])
    printed = capsys.readouterr()
    assert (stopped.value.code, printed.out) == (2, "")
    assert words in printed.err


def test_a_fault_of_our_own_is_not_blamed_on_a_plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("ours")

    monkeypatch.setattr("symarch.api.load_system", broken)
    with pytest.raises(ZeroDivisionError, match="ours"):
        main(["run", "h100-sxm", "--model", "llama-3.1-8b"])
