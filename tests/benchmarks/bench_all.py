"""Speed, as figures and as ratios measured in one run: python tests/benchmarks/bench_all.py

Figures in a process are CPU time, best of several; figures of whole commands are wall time, medians. Nothing here is a
test: machines differ, ratios less so.
"""

from __future__ import annotations

import importlib.util
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import sympy

import symarch
from symarch.analysis import Recorded, record
from symarch.compare import compare
from symarch.program import Program, compile_python, gradient, one_sided
from symarch.program.derivatives import evaluate
from symarch.sensitivity.uncertainty import sobol
from symarch.trace.convert import trace_of
from symarch.trace.records import Provenance, Record, write_trace

MODEL = "llama-3.1-70b"
SIX = {"batch": (1, 64), "hbm.pin_rate": (5e8, 1.2e9), "gpu.peak_bf16": (5e14, 4e15), "gpu.launch": (1e-6, 5e-6),
       "hbm.stacks": (4, 12), "gpu.streaming_efficiency": (0.6, 1.0)}  # fmt: skip
ONE_STEP = {"context": (500, 30_000)}
MEAN = {"prompt": (500, 30_000)}


def best(call: Callable[[], Any], runs: int, repeats: int = 7) -> float:
    """Return CPU seconds of one call, best of some repeats."""
    found = []
    for _ in range(repeats):
        start = time.process_time()
        for _ in range(runs):
            call()
        found.append((time.process_time() - start) / runs)
    return min(found)


def wall(command: list[str], runs: int, formulas: bool = False) -> float:
    """Return the median wall seconds of a command; only one that writes `formulas` may import sympy."""
    return cold(command, runs, formulas)[0]


def cold(command: list[str], runs: int, formulas: bool = False) -> tuple[float, float]:
    """Return the median wall seconds of a command, and the least CPU seconds, which other work disturbs less."""
    found, spent = [], []
    for _ in range(runs):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        start = time.perf_counter()
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        found.append(time.perf_counter() - start)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        assert formulas or "sympy was imported" not in done.stderr, f"{command} imports sympy"
    return statistics.median(found), min(spent)


def analysis(system: str, order: str = "2") -> symarch.Analysis:
    """Return decode of the model on a system at an overlap order."""
    loaded = symarch.load_system(system, {"gpu.overlap": order})
    return symarch.analyze(loaded, symarch.load_model(MODEL), phase="decode")


def building(repeats: int = 7) -> None:
    """Build and record a system, after import."""
    for system in ("h100-sxm", "h100-sxm-8", "h200-hbf-daisy-8"):
        both = symarch.analyze(symarch.load_system(system), symarch.load_model(MODEL))
        seconds = best(lambda a=both: record(a.system, a.model, a.request()), 1, repeats)  # type: ignore[misc]
        print(f"build and record {system}, both phases: {1e3 * seconds:.1f} ms (target 60)")


def _point(recorded: Recorded, names: tuple[str, ...]) -> list[float]:
    return [float(recorded.symbols[n].value) for n in names]


def points(runs: int = 2000, repeats: int = 7) -> None:
    """Evaluate single points of tpot, alone and with its derivatives by all continuous parameters."""
    for system in ("h100-sxm", "h100-sxm-8", "h200-hbf-daisy-8"):
        for order in ("2", "inf"):
            found = analysis(system, order)
            recorded = found.recorded()
            program = recorded.program.select({"tpot": recorded.program.outputs["metric.tpot"]})
            inputs = [
                i for i, o in enumerate(program.operations) if o[0] == "input" and not recorded.symbols[o[2]].integer
            ]
            alone, slopes = compile_python(program), compile_python(gradient(program, "tpot", inputs), program.inputs)
            at = _point(recorded, alone.inputs)
            one = best(lambda f=alone.function, a=at: f(*a), runs, repeats)  # type: ignore[misc]
            all_ = best(lambda f=slopes.function, a=at: f(*a), runs, repeats)  # type: ignore[misc]
            few = found.compile("tpot", over=list(SIX))
            middle = [sum(SIX[n]) / 2 for n in SIX]
            six = best(lambda f=few, a=middle: f(*a), runs, repeats)  # type: ignore[misc]
            print(
                f"one point of tpot, {system}, p = {order}: all {len(at)} inputs {1e6 * one:.1f} us (target 10), "
                f"with {len(inputs)} derivatives {1e6 * all_:.1f} us (target 30), six inputs {1e6 * six:.1f} us"
            )


def arrays(size: int = 1_000_000, repeats: int = 3) -> None:
    """Compare arrays with sympy's lambdify of the same expression, over the whole array."""
    random = np.random.default_rng(0)
    for order in ("2", "inf"):
        for what, last in (("one step", ONE_STEP), ("mean of steps", MEAN)):
            ranges = {**dict(list(SIX.items())[:5]), **last}
            found = analysis("h100-sxm", order)
            recorded = found.recorded(single="context" in ranges)
            names = list(ranges)
            ours = found.compile("tpot", over=names)
            expression = _expression(recorded, names)
            theirs = sympy.lambdify([sympy.Symbol(n, positive=True) for n in names], expression, "numpy", cse=True)
            given = [random.uniform(*ranges[n], size) for n in names]
            np.testing.assert_allclose(ours(*given), theirs(*given), rtol=1e-12)
            mine, other = (best(lambda f=f, g=given: f(*g), 1, repeats) for f in (ours, theirs))  # type: ignore[misc]
            print(
                f"{size} points of tpot ({what}), 6 varying, p = {order}: {size / mine / 1e6:.1f} Mpt/s, "
                f"lambdify {size / other / 1e6:.1f} Mpt/s, ratio {other / mine:.2f} (target 2.5)"
            )
            side = round(size ** (1 / 6))
            axes = np.meshgrid(*(np.linspace(*ranges[n], side) for n in names), indexing="ij", sparse=True)
            np.testing.assert_allclose(ours(*axes), np.broadcast_to(theirs(*axes), [side] * 6), rtol=1e-12)
            mine, other = (best(lambda f=f, g=axes: f(*g), 1, repeats) for f in (ours, theirs))  # type: ignore[misc]
            print(
                f"  the same on a grid of {side}^6, axes not multiplied out: {side**6 / mine / 1e6:.1f} Mpt/s, "
                f"lambdify {side**6 / other / 1e6:.1f} Mpt/s"
            )


def _expression(recorded: Recorded, names: list[str]) -> sympy.Expr:
    """Return tpot with every symbol but the named ones replaced by its number."""
    from symarch.formula import full

    expression = full(recorded.program, recorded.program.outputs["metric.tpot"])
    fixed = {s: sympy.Float(recorded.symbols[str(s)].value) for s in expression.free_symbols if str(s) not in names}
    bound: sympy.Expr = expression.xreplace(fixed)
    return bound


def traces(records: int = 100_000, repeats: int = 3) -> None:
    """Load a trace file of many records, as a recorded model of 80 layers has them, and analyse it."""
    model = symarch.load_model(MODEL)
    sizes = {"batch": 8, "prompt": 2048, "output": 256}
    trace = trace_of(model, ("prefill", "decode"), sizes, dict.fromkeys(model.tensors, "bf16"))
    works = [(r.name, attrs.evolve(r.work, repeat=1)) for r in trace.records]
    many: list[Record] = []
    while len(many) < records:
        for name, work in works[: records - len(many)]:
            number = len(many)
            layer, deps = number // len(works) % 80, (f"n{number - 1}",) if number else ()
            prov = Provenance("benchmark", "made", name)
            many.append(Record(f"n{number}", f"model.layers.{layer}.{name}", work, deps, (), 1e-6, "gpu0", prov))
    system = symarch.load_system("h100-sxm-8", {"mapping.tensor": "1", "mapping.data": "8"})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.jsonl"
        write_trace(attrs.evolve(trace, records=tuple(many)), path)
        size = path.stat().st_size
        seconds = best(lambda: symarch.analyze(system, symarch.load_model(str(path))).evaluate(), 1, repeats)
    print(f"{records} records of {size / records:.0f} B, loaded and analysed: {seconds:.2f} s (target 3)")


def elasticities(repeats: int = 7) -> None:
    """Derive a metric by every parameter; then with range ends, limits and checks, as a report has them."""
    for system in ("h100-sxm", "h200-hbf-8"):
        found = analysis(system)
        point = found.point("tpot", batch=16)
        program = point.program
        places = {o[2]: i for i, o in enumerate(program.operations) if o[0] == "input"}

        def derive(
            program: Program = program, places: dict[str, int] = places, values: Mapping[str, float] = point.values
        ) -> None:
            evaluate(gradient(program, "tpot", list(places.values())), values)
            one_sided(program, "tpot", values)

        alone = best(derive, 1, repeats)
        whole = best(lambda a=found: a.sensitivity("tpot", batch=16), 1, repeats)  # type: ignore[misc]
        count = len(found.sensitivity("tpot", batch=16).elasticities)
        print(
            f"all elasticities of tpot on {system}: {len(places)} that count, {1e3 * alone:.1f} ms (target 20 for 60); "
            f"the whole record of {count} with range ends and limits {1e3 * whole:.1f} ms"
        )


def questions(size: int = 1_000_000, repeats: int = 3) -> None:
    """Ask the questions of a report."""
    first, second = (
        symarch.analyze(symarch.load_system(n, {"gpu.overlap": "inf"}), symarch.load_model(MODEL), phase="decode")
        for n in ("h200-hbf-8", "h200-sxm-8")
    )
    asked: dict[str, Callable[[], Any]] = {
        f"uncertainty, {size} samples (target 1000)": lambda: first.uncertainty(samples=size, batch=16),
        "Sobol indices": lambda: first.indices("tpot", batch=16),
        "headroom": lambda: first.headroom("tpot", batch=16),
        "break-even, the number (target 1 a root after the grid)": lambda: first.break_even(
            "hbf.read_time", second, forms=False, batch=16
        ),
        "break-even with closed forms": lambda: first.break_even("hbf.read_time", second, batch=16),
        "regimes along a parameter": lambda: first.regimes("tpot", "hbf.read_time", batch=64),
        "regimes along the batch": lambda: first.regimes("tpot", "batch", 1, 1024),
        "comparison of two systems": lambda: compare([first, second], "tpot", batch=16),
        "map of 60 x 60 with closed forms": lambda: first.regime_map("tpot", ("hbf.read_time", "hbm.pin_rate")),
        "explanation (target 500)": lambda: first.explain("tpot", batch=16),
    }
    for what, ask in asked.items():
        ask()  # imports
        print(f"{what}: {1e3 * best(ask, 1, repeats):.0f} ms")


COLD = """
import math, sys, time
import symarch, symarch.formula
system, model, metric, order = {!r}
found = symarch.analyze(symarch.load_system(system), symarch.load_model(model))
found = found.at_order(math.inf) if order == "inf" else found
found.recorded()
start = time.process_time()
why = found.explain(metric, batch=16)
seconds = time.process_time() - start
print(seconds, sum(int(t.expression.count_ops()) + 1 for t in why.terms[: why.leading]),
      math.fsum(t.share for t in why.rest))
"""
"""What a process prints of its first closed form: CPU seconds beyond imports and recording, operations, rest."""


def closed_forms(repeats: int = 3) -> None:
    """Write closed forms, each in a process of its own: how long they take, how many operations they have."""
    for name, model, metric, order in (
        ("h200-hbf-8", MODEL, "tpot", "inf"),
        ("h200-hbf-8", MODEL, "tpot", "2"),
        ("h200-hbf-8", MODEL, "energy_per_token", "2"),
        ("h100-sxm-8", "mixtral-8x7b", "request_time", "inf"),
        ("h100-sxm-8", "mixtral-8x7b", "request_time", "2"),
        ("h200-hbf-8", MODEL, "request_time", "2"),
        ("stratum", "deepseek-v3", "request_time", "inf"),
        ("h100-h200-apart", MODEL, "request_time", "2"),
        ("h100-sxm-8", MODEL, "cost_per_million_tokens", "2"),
    ):
        command = [sys.executable, "-c", COLD.format((name, model, metric, order))]
        printed = [subprocess.run(command, check=True, capture_output=True, text=True).stdout for _ in range(repeats)]
        seconds, count, rest = min([float(word) for word in line.split()] for line in printed)
        print(
            f"first closed form of {metric}, {model} on {name}, p = {order}: {1e3 * seconds:.0f} ms (target 500), "
            f"{count:.0f} operations (target 100), rest {100 * rest:.2g} %"
        )


def sobol_indices(base: int = 512, parameters: int = 64, repeats: int = 3) -> None:
    """Compare Sobol indices with SALib alone, which arranges its points number by number."""
    sampling, analysis_of = (importlib.import_module(f"SALib.{part}.sobol") for part in ("sample", "analyze"))
    names = [f"x{i}" for i in range(parameters)]
    problem = {"num_vars": parameters, "names": names, "bounds": [[0, 1]] * parameters}

    def function(at: Any) -> Any:
        return (at * np.arange(1, parameters + 1)).sum(axis=1) + at[:, 0] * at[:, 1]

    def theirs() -> Any:
        at = sampling.sample(problem, base, calc_second_order=False, seed=1)
        return analysis_of.analyze(problem, function(at), calc_second_order=False, seed=1)

    ours = sobol(function, dict.fromkeys(names, "assumed"), base, seed=1)
    np.testing.assert_allclose([e.total for e in ours], theirs()["ST"], rtol=1e-9, atol=1e-12)
    mine = best(lambda: sobol(function, dict.fromkeys(names, "assumed"), base, seed=1), 1, repeats)
    other = best(theirs, 1, repeats)
    print(
        f"Sobol indices of {parameters} parameters, base {base}: {1e3 * mine:.0f} ms, SALib {1e3 * other:.0f} ms, "
        f"ratio {other / mine:.1f}"
    )


def commands(runs: int = 7) -> None:
    """Start the command line cold."""
    call = (
        "import sys, atexit; from symarch.cli import main; sys.argv = ['symarch', *{!r}];"
        "atexit.register(lambda: 'sympy' in sys.modules and print('sympy was imported', file=sys.stderr)); main()"
    )
    asked = ["sensitivity", "h200-hbf-8", "--model", MODEL]
    text, work = cold([sys.executable, "-c", call.format(asked)], runs)
    print(f"text report, cold: {text:.2f} s, {work:.2f} of CPU (target 1.5)")
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        html, work = cold([sys.executable, "-c", call.format([*asked, "-o", str(page)])], min(runs, 3), formulas=True)
        print(
            f"HTML report, cold: {html:.2f} s, {work:.2f} of CPU (target 5), "
            f"{page.stat().st_size / 1e6:.2f} MB (target 3)"
        )
    bare = wall([sys.executable, "-c", "pass"], runs)
    usage = wall([sys.executable, "-c", call.format(["--help"])], runs)
    run, work = cold([sys.executable, "-c", call.format(["run", "h100-sxm-8", "--model", MODEL])], runs)
    print(f"symarch --help: {1e3 * (usage - bare):.0f} ms over bare Python's {1e3 * bare:.0f} (target 150)")
    print(f"symarch run h100-sxm-8 --model {MODEL}, cold: {run:.2f} s, {work:.2f} of CPU (target 0.8)")
    told = ["explain", "h200-hbf-8", "--model", MODEL, "--batch", "32", "--metric", "request_time"]
    explained, spent = cold([sys.executable, "-c", call.format(told)], runs, formulas=True)
    print(
        f"symarch {' '.join(told)}, cold: {explained:.2f} s, {spent:.2f} of CPU, {spent / work:.1f} times that of run"
    )


AUTO = ["--model", "llama-3.1-405b", "--set", "mapping.tensor=auto"]
SEARCHES = (
    ("h200-sxm-8", ["--batch", "16"], 2.0),
    ("gb200-nvl72", ["--batch", "64"], 10.0),
    ("gb200-nvl72", ["--batch", "auto", "--tpot-limit", "40ms"], 10.0),
    ("h200-hbf-8", ["--batch", "16", "--set", "mapping.place=auto"], 2.0),
)
"""System, options and target of automatic mappings."""


def searches(runs: int = 3, asked: Sequence[tuple[str, list[str], float]] = SEARCHES, largest: int = 512) -> None:
    """Choose a mapping, cold: the targets of automatic mapping, and what a larger space costs."""
    call = "import sys; from symarch.cli import main; sys.argv = ['symarch', *{!r}]; main()"
    for system, more, target in asked:
        seconds, work = cold([sys.executable, "-c", call.format(["run", system, *AUTO, *more])], runs)
        words = f"symarch run {system} {' '.join([*AUTO, *more])}"
        print(f"{words}, cold: {seconds:.2f} s, {work:.2f} of CPU (target {target:g})")
    model, each = symarch.load_model("llama-3.1-8b"), []
    for devices in (8, largest):
        grown = symarch.load_system("h100-sxm-8", {"scale_up.size": devices})
        found: list[Any] = []
        seconds = best(lambda s=grown, n=devices, f=found: f.append(symarch.best_mapping(s, model, batch=n)), 1, runs)  # type: ignore[misc]
        each.append((found[0].candidates, seconds))
        print(f"search over {found[0].candidates} candidates, {devices} devices: {seconds:.2f} s")
    (few, short), (many, long) = each
    print(f"a search space {many / few:.1f} times as large takes {long / short:.1f} times as long (target: no more)")


MOVE = """(() => { const least = Array(COUNT).fill(Infinity);
for (let round = 0; round < 7; round++) for (let k = 0; k < COUNT; k++) { const begun = performance.now();
  explorer.set("batch", 1 + k); explorer.update(); document.body.offsetHeight;
  least[k] = Math.min(least[k], performance.now() - begun); }
least.sort((a, b) => a - b);
return [least[COUNT >> 1], least[Math.floor(0.97 * COUNT)], least[COUNT - 1]]; })()"""
"""Moves a slider over its values seven times; of each value the fastest counts, which other work disturbs least."""


def explorer(repeats: int = 7) -> None:
    """Write the explorer's page, and move one of its sliders in Chromium, layout included."""
    from symarch.report.explorer import explorer_html

    pages = {}
    for system in ("h200-hbf-8", "h100-h200-apart"):
        loaded = symarch.analyze(symarch.load_system(system), symarch.load_model(MODEL))
        loaded.recorded()
        pages[system] = page = explorer_html(loaded, {"batch": 16})
        seconds = best(lambda a=loaded: explorer_html(a, {"batch": 16}), 1, repeats)  # type: ignore[misc]
        print(
            f"explorer page of {system}, after the analysis: {1e3 * seconds:.0f} ms, {len(page.encode()) / 1e3:.0f} kB"
        )
    where = Path(__file__).parents[1] / "core" / "conftest.py"
    spec = importlib.util.spec_from_file_location("browsing", where)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if module.CHROMIUM is None:
        print("explorer update: Chromium is not installed")
        return
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        target = Path(folder) / "page.html"
        browser = module.Browser(Path(folder) / "chromium")
        try:
            browser.window(1280, 900)
            for system, page in pages.items():
                target.write_text(page, encoding="utf-8")
                browser.open(target)
                for chart in ("metrics", "roofline", "curve", "map"):
                    browser.run(f"document.getElementById('{chart}').scrollIntoView()")
                    browser.run("new Promise(done => setTimeout(done, 100))")
                    middle, late, latest = browser.run(MOVE.replace("COUNT", str(20 * repeats)))
                    print(
                        f"explorer update of {system}, {chart} in sight: median {middle:.1f} ms, 97 % within "
                        f"{late:.1f} ms, all within {latest:.1f} ms (target 16)"
                    )
        finally:
            browser.close()


if __name__ == "__main__":
    building()
    points()
    arrays()
    traces()
    elasticities()
    questions()
    sobol_indices()
    commands()
    closed_forms()
    searches()
    explorer()
