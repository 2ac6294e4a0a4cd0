"""Text for a terminal: plain when piped, sensible at 80 columns. rich lays out the tables and stays in this module."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from symarch.accuracy.expected import said_of_errors
from symarch.analysis import METRICS
from symarch.api import Analysis, Held, OperatorResult, Result
from symarch.mapping import Mapping as Mapped
from symarch.plugins.discovery import KINDS, OWN
from symarch.quantities import format_quantity, format_setting, format_value, readable_unit
from symarch.remedies import Remedy
from symarch.report.data import plugins_of
from symarch.report.diagram import Diagram, Part
from symarch.report.record import BESIDE, Report, legend
from symarch.report.sections import Section, headline
from symarch.report.sections import Table as SectionTable
from symarch.results import shown as shown_value
from symarch.search import Found
from symarch.specs import Listed

MOST_RUNNERS_UP = 3
"""Candidates of a search that are shown beside the chosen one."""

NARROWEST = 60
"""Columns below which a table would lose its numbers; narrower terminals wrap it themselves."""


class Output:
    """Where text is laid out: like a rich console, but lines carry no trailing blanks.

    Text is styled on a terminal only, and as wide as it; 80 columns where there is none.
    """

    def __init__(self) -> None:
        terminal = Console()
        self._console = Console(
            file=io.StringIO(),
            highlight=False,
            markup=False,
            emoji=False,
            width=max(terminal.width, NARROWEST),
            force_terminal=terminal.is_terminal,
            color_system="standard" if terminal.is_terminal else None,
        )

    def print(self, *what: Any, **how: Any) -> None:
        """Lay out text or a table."""
        self._console.print(*what, **how)

    def text(self) -> str:
        """Return all that was laid out."""
        laid = self._console.file.getvalue()  # type: ignore[attr-defined]  # the StringIO above
        return "".join(line.rstrip() + "\n" for line in laid.splitlines())

    def flush(self) -> None:
        """Write all that was laid out to stdout."""
        click.echo(self.text(), nl=False)


def console() -> Output:
    """Return a fresh output."""
    return Output()


def heading(text: str) -> Text:
    """Return a section's heading."""
    return Text(text, style="bold")


Rows = list[tuple[str, ...]]


def table(columns: Sequence[tuple[str, str]], rows: Iterable[Sequence[str]]) -> Padding:
    """Return a borderless table; each column has a title and an alignment (left or right).

    Where it is too wide words give way before numbers, and names, the first column, where there are no other words.
    """
    words = [align for _, align in columns[1:] if align != "right"]
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for position, (title, align) in enumerate(columns):
        whole = align == "right" or (position == 0 and bool(words))
        made.add_column(
            title,
            justify="right" if align == "right" else "left",
            no_wrap=whole,
            overflow="ellipsis" if whole else "fold",
        )
    for row in rows:
        made.add_row(*(Text(cell) for cell in row))
    return Padding(made, (0, 0, 0, 2))


def paragraph(out: Output, sentences: Iterable[str]) -> None:
    """Print sentences as a list with dashes."""
    grid = Table.grid(padding=(0, 1, 0, 0))
    for sentence in sentences:
        grid.add_row("-", Text(sentence))
    out.print(Padding(grid, (0, 0, 0, 2)))


def describe_workload(workload: Mapping[str, Any]) -> str:
    """Return one line on the workload: sizes, phase, data types, ideal."""
    named = (
        "batch",
        "prompt",
        "output",
        "context",
        "prefix",
        "hit_rate",
        "chunk",
        "step_tokens",
        "draft",
        "acceptance",
    )
    sizes = ", ".join(f"{k.replace('_', ' ')} {workload[k]}" for k in named if k in workload)
    kinds = set(workload["dtype"].values())
    dtype = kinds.pop() if len(kinds) == 1 else ", ".join(f"{k} {v}" for k, v in workload["dtype"].items())
    phase = "" if workload["phase"] == "both" else f", {workload['phase']} only"
    phase = ", continuous batching" if workload.get("continuous") else phase
    served = f", runtime {workload['runtime']}" if "runtime" in workload else ""
    return f"{sizes}{phase}, {dtype}{served}{', ideal (speed of light)' if workload['ideal'] else ''}"


def print_run(
    analysis: Analysis,
    result: Result,
    ways: Sequence[Remedy] = (),
    replicas: Sequence[Held] = (),
    *,
    everything: bool = False,
) -> None:
    """Print the answer first, then where the time goes, what fits, and what was assumed.

    What technologies assume of themselves is counted, and printed with `everything`.
    """
    out = console()
    system = analysis.system
    recorded = analysis.recorded("context" in result.workload)
    degrees = "; ".join(
        f"{pool}: {_degrees(mapping)}" if pool else _degrees(mapping) for pool, mapping in recorded.mappings.items()
    )
    devices = f"{system.devices} devices, {degrees}" if system.devices > 1 else "one device"
    out.print(heading(f"{analysis.model.name} on {system.name} ({devices})"))
    out.print(describe_workload(result.workload), style="dim")
    for plugin in plugins_of(system):
        if plugin["distribution"] != OWN:
            out.print(f"{plugin['name']} from {plugin['distribution']} {plugin['version']}", style="dim")
    out.print()
    rows: Rows = []
    for name, value in result.metrics.items():
        unit, words = METRICS[name]
        shown = format_quantity(value, unit) if value is not None else "-"
        if value is None:
            words = f"{words}: needs {', '.join(result.missing.get(name, ()))}"
        rows.append((name, shown, words))
    out.print(table((("metric", "left"), ("value", "right"), ("", "left")), rows))
    if analysis.search is not None:
        _print_search(out, analysis.search)
    _print_resources(out, result)
    _print_communication(out, result)
    _print_operators(out, result)
    out.print()
    out.print(heading("Constraints"))
    rows = [
        (
            c.name,
            _verdict(c.ok),
            format_quantity(c.used, c.unit),
            format_quantity(c.limit, c.unit),
            format_quantity(c.slack, c.unit),
            f"{100 * c.used / c.limit:.0f} %",
        )
        for c in result.constraints
    ]
    columns = (("constraint", "left"), ("", "left"), ("needed", "right"), ("available", "right"), ("slack", "right"),
               ("used", "right"))  # fmt: skip
    out.print(table(columns, rows))
    for constraint in result.constraints:
        if not constraint.ok:
            over = format_quantity(-constraint.slack, constraint.unit)
            out.print(Text(f"  {constraint.name} fails by {over}: the numbers are for a system that cannot be.", "red"))
    for one in result.lasting:
        if one.words:
            out.print(Text(f"  {one.words}"))
    if ways:
        out.print(Text("  Ways out, each computed, the cheapest kind first:"))
    for way in ways:
        out.print(Text(f"    {way.change}  ({way.words})"), soft_wrap=True)
    _print_replicas(out, replicas)
    out.print()
    out.print(heading("Assumed, or not modelled"))
    stated = () if everything else result.stated
    sentences = [s for s in result.assumptions if s not in stated]
    paragraph(out, [*sentences, *said_of_errors(analysis, result)])
    if stated:
        out.print(Text(f"  And {len(stated)} that the technologies state of themselves: --assumptions.", "dim"))
    out.flush()


def _print_replicas(out: Output, tensors: Sequence[Held]) -> None:
    """Print what lies on several devices, if anything does: bytes over all devices are the model's and these."""
    if not any(h.replicas > 0 for h in tensors):
        return
    out.print()
    out.print(heading("Held more than once"))
    rows: Rows = []
    total = Held("all tensors", "", sum(h.once for h in tensors), sum(h.all for h in tensors))
    for one in (*(h for h in tensors if h.replicas > 0), total):
        amounts = (format_quantity(v, "B") for v in (one.once, one.all, one.replicas))
        rows.append((one.tensor, *amounts, f"{one.all / one.once:.3g} x"))
    out.print(table((("tensor", "left"), ("once", "right"), ("on all devices", "right"), ("replicas", "right"),
                     ("copies", "right")), rows))  # fmt: skip


def _print_search(out: Output, found: Found) -> None:
    """Print what was chosen, and why those that came next lost."""
    out.print()
    out.print(heading("Chosen automatically"))
    paragraph(out, [found.summary])
    shown = [*found.runners_up[:MOST_RUNNERS_UP], *found.infeasible[: 1 if found.runners_up else MOST_RUNNERS_UP]]
    if shown:
        out.print(Text("  Why others lost:"))
        for candidate in shown:
            batch = f", batch {candidate.batch}" if "batch" in found.asked else ""
            out.print(Padding(Text(f"{candidate.words}{batch}: {candidate.lost}"), (0, 0, 0, 4)))


def _print_resources(out: Output, result: Result) -> None:
    phases = list(dict.fromkeys(r.phase for r in result.resources))
    names = list(dict.fromkeys(r.name for r in sorted(result.resources, key=lambda r: -r.share) if r.share > 0))
    share = {(r.name, r.phase): r.share for r in result.resources}
    out.print()
    out.print(heading("Where the time goes"))
    rows: Rows = [(n, *(_percent(share.get((n, p), 0.0)) for p in phases)) for n in names]
    out.print(table((("resource", "left"), *((p, "right") for p in phases)), rows))


def _degrees(mapping: Mapped) -> str:
    return " x ".join(f"{name} {degree}" for name, degree in mapping.degrees.items())


def _print_communication(out: Output, result: Result) -> None:
    """Print how long a phase waits for collectives, and how much of them computation hides, where it hides any."""
    for phase, times in result.communication.items():
        if times["hidden"] > 0:
            exposed, hidden = (format_quantity(times[way], "s") for way in ("exposed", "hidden"))
            out.print(Text(f"  Communication in {phase}: {exposed} exposed, {hidden} hidden behind computation."))


def _print_operators(out: Output, result: Result) -> None:
    phases = list(dict.fromkeys(o.phase for o in result.operators))
    out.print()
    if len(phases) == 1:
        out.print(heading("Operators" + (" (mean of the steps)" if phases != ["prefill"] else "")))
        rows: Rows = [
            (o.name, str(o.count), format_quantity(o.time, "s"), _percent(o.share), _bound(o)) for o in result.operators
        ]
        columns = (("operator", "left"), ("runs", "right"), ("each", "right"), ("share", "right"), ("bound by", "left"))
        out.print(table(columns, rows))
        return
    out.print(heading("Operators (runs and times with --phase prefill or decode)"))
    found = {(o.name, o.phase): o for o in result.operators}
    rows = []
    for name in dict.fromkeys(o.name for o in result.operators):
        cells = [name]
        for phase in phases:
            one = found.get((name, phase))
            cells += [_percent(one.share), _bound(one)] if one else ["-", "-"]
        rows.append(tuple(cells))
    sides = [side for phase in phases for side in ((phase, "right"), ("bound by", "left"))]
    out.print(table((("operator", "left"), *sides), rows))


def _bound(operator: OperatorResult) -> str:
    """Return what binds an operator, with the algorithm of a collective."""
    return f"{operator.bound} ({operator.algorithm})" if operator.algorithm else operator.bound or "-"


def _percent(share: float) -> str:
    return "-" if share == 0 else "<0.1 %" if abs(share) < 0.0005 else f"{100 * share:.1f} %"


CELL = 48
"""Letters of a column of words beyond which it does not stand in a table for a terminal, but below it."""

STEPS = 5
"""Steps of the waterfall that a terminal shows unprompted."""


def sensitivity_text(report: Report) -> str:
    """Return a report as text: the sections that a user names, else the answer and what stands behind it, in brief."""
    out = console()
    found = report.sensitivity
    out.print(heading(f"{found.metric} of {report.model} on {report.system}: "
                      f"{format_quantity(found.value, found.unit)}"))  # fmt: skip
    if report.chosen:
        for section in report.sections:
            _print_section(out, section)
        return out.text()
    _print_brief(out, report)
    return out.text()


def _print_section(out: Output, section: Section) -> None:
    out.print()
    out.print(heading(section.title))
    paragraph(out, section.sentences)
    for line in section.formulas:
        out.print(Text(f"  {line}"), soft_wrap=True)
    for one in section.tables:
        if one.rows:
            out.print()
            if one.title:
                out.print(Text(f"  {one.title}"))
            kept = [i for i in range(len(one.columns)) if i not in one.words or _longest(one, i) <= CELL]
            columns = [(one.columns[i], "left" if i == 0 or i in one.words else "right") for i in kept]
            out.print(table(columns, [[row[i] for i in kept] for row in one.rows]))
            for i in range(len(one.columns)):
                if i not in kept:
                    out.print()
                    out.print(Text(f"  {one.columns[i]}"), style="dim")
                    for row in one.rows:
                        entry(out, row[0], row[i])


def _longest(one: SectionTable, column: int) -> int:
    return max(len(row[column]) for row in one.rows)


def _print_brief(out: Output, report: Report) -> None:
    found = report.sensitivity
    metric = found.metric
    unit, scale = readable_unit(found.value, found.unit)
    out.print(" ".join(headline(report)[1:]))
    steps = [(s.resource, f"{100 * s.share:.1f} %", format_value(s.value / scale), s.binds)
             for s in report.headroom.waterfall[:STEPS]]  # fmt: skip
    if steps:
        out.print()
        out.print(heading("As the largest share is removed, one resource after the other"))
        columns = (("without", "left"), ("its share", "right"), (f"{metric} [{unit}]", "right"), ("then binds", "left"))
        out.print(table(columns, steps))
    out.print()
    out.print(heading("Elasticities"))
    out.print("An elasticity of -0.5: 1 % more of the parameter and the metric falls by 0.5 %.", style="dim")
    shown = [e for e in found.elasticities if e.size >= 0.0005]
    rows: Rows = [
        (
            e.parameter,
            format_setting(e.value, e.unit, e.parameter in report.in_bits),
            e.text,
            *("-" if v is None else format_value(v / scale) for v in (e.low, e.high, e.limit)),
        )
        for e in shown
    ]
    headings = (("parameter", "left"), ("value", "right"), ("elasticity", "right"), ("at low", "right"),
                ("at high", "right"), ("at best", "right"))  # fmt: skip
    out.print(table(headings, rows))
    rest = len(found.elasticities) - len(shown)
    paragraph(
        out, [*legend(metric, unit), *([f"{rest} more parameters have an elasticity below 0.0005"] if rest else [])]
    )
    out.print()
    out.print(heading("Definitions"))
    rows = [(g.name, format_quantity(g.value, g.unit), g.text, ", ".join(_short(g.parts, g.name)))
            for g in found.groups if g.size >= 0.0005]  # fmt: skip
    out.print(table((("definition", "left"), ("value", "right"), ("elasticity", "right"), ("made of", "left")), rows))
    out.print()
    out.print(heading("Checks"))
    out.print(Text("  The elasticities, each times its parameter's exponent of a unit, sum to the metric's exponent."))
    rows = [(c.unit, f"{c.expected:+g}", f"{c.found - c.expected:.0e}", _verdict(c.ok), c.note) for c in found.checks]
    out.print(table((("unit", "left"), ("due", "right"), ("off by", "right"), ("", "left"), ("", "left")), rows))
    out.print()
    out.print(heading("Beside it"))
    rows = [(n, shown_value(n, v)) for n, v in report.result.metrics.items() if n in BESIDE and n != metric]
    out.print(table((("metric", "left"), ("value", "right")), rows))
    paragraph(
        out, ["the whole report: --section all, or -o report.html; one of it: --section cost, regimes, tornado ..."]
    )


def _verdict(ok: bool) -> str:
    return "ok" if ok else "FAILS"


def _short(parts: Sequence[str], name: str) -> list[str]:
    owner = name.partition(".")[0] + "."
    return [p.removeprefix(owner) for p in parts]


def print_plugins(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print the technologies one by one, and all other plugins by their kind."""
    out = console()
    others: dict[tuple[str, str], list[str]] = {}
    cells: Rows = []
    for row in rows:
        origin = f"{row['distribution']} {row['version']}"
        if row["kind"] in _OTHERS:
            short = row["name"].partition(".")[2]
            more = f" ({row['title']})" if row["name"].startswith("specs.") else ""
            others.setdefault((row["kind"], origin), []).append(short + more)
        else:
            cells.append((row["name"], row["kind"], origin, ", ".join(row["presets"])))
    columns = (("technology", "left"), ("kind", "left"), ("from", "left"), ("presets", "left"))
    out.print(table(columns, cells))
    out.print()
    rest = [(kind, origin, ", ".join(names)) for (kind, origin), names in others.items()]
    out.print(table((("other plugins", "left"), ("from", "left"), ("", "left")), rest))
    out.flush()


_OTHERS = tuple(k.what for k in KINDS.values())


def print_specs(found: Sequence[Listed]) -> None:
    """Print the list of specs."""
    out = console()
    columns = (("name", "left"), ("kind", "left"), ("from", "left"), ("", "left"))
    out.print(table(columns, [(s.name, s.kind, s.distribution, s.title) for s in found]))
    out.flush()


def entry(out: Output, line: str, note: str) -> None:
    """Print a line that is never wrapped, and under it a dim note that is."""
    out.print(Text(f"  {line}"), soft_wrap=True)
    if note:
        out.print(Padding(Text(note, style="dim"), (0, 0, 0, 6)))


def range_of(row: Mapping[str, Any]) -> str:
    """Return the range of a parameter or setting in brackets, empty if it has none."""
    if row["low"] is None and row["high"] is None:
        return ""
    ends = [format_setting(v, row["unit"], row["bits"]) if v is not None else "" for v in (row["low"], row["high"])]
    return f" ({' to '.join(ends)})"


def print_spec(data: Mapping[str, Any]) -> None:
    """Print a system, model, study, list of prices or preset."""
    out = console()
    printers = {"model": _print_model, "preset": _print_preset, "system": _print_system, "prices": _print_prices,
                "study": _print_study}  # fmt: skip
    printers[data["kind"]](out, data)
    out.flush()


def _origin(data: Mapping[str, Any]) -> str:
    """Return which package a spec comes from, empty for a file of the user's."""
    return f", from {data['distribution']} {data['version']}" if data["distribution"] else ""


def _print_model(out: Output, data: Mapping[str, Any]) -> None:
    out.print(heading(f"{data['name']} (model{_origin(data)})"))
    rows: Rows = [(k, str(v)) for k, v in data["config"].items() if k != "_symarch"]
    out.print(table((("key", "left"), ("value", "left")), rows))
    paragraph(out, [f"{k}: {v}" for k, v in data["config"].get("_symarch", {}).items()])


def _print_study(out: Output, data: Mapping[str, Any]) -> None:
    out.print(heading(f"{data['name']} (study{_origin(data)})"))
    out.print(table((("key", "left"), ("value", "left")), [(k, str(v)) for k, v in data["study"].items()]))


def _print_prices(out: Output, data: Mapping[str, Any]) -> None:
    out.print(heading(f"{data['name']} (prices of {data['date']}{_origin(data)})"))
    for line in (data["title"], data["source"]):
        if line:
            out.print(Text(f"{line}."))
    out.print()
    for name, price in data["prices"].items():
        ends = [format_quantity(v, price["unit"]) for v in (price["low"], price["high"]) if v is not None]
        span = f" ({' to '.join(ends)})" if len(ends) == 2 else ""
        date = f", {price['date']}" if price["date"] != data["date"] else ""
        value = format_quantity(price["value"], price["unit"])
        line = f"{name} = {value}{span}, {price['basis']}{date}, {price['status']}"
        entry(out, line, f"{price['item']}; {price['source']}")
        targets = [
            f"{t['technology']}{':' + t['preset'] if t['preset'] else ''}.{t['parameter']}" for t in price["sets"]
        ]
        if targets:
            out.print(Text(f"      sets {', '.join(targets)}", style="dim"))


def _print_preset(out: Output, data: Mapping[str, Any]) -> None:
    out.print(heading(f"{data['technology']}:{data['name']} (preset, {data['date']}, {data['status']}{_origin(data)})"))
    out.print(Text(f"{data['title']}. Source: {data['source']}."))
    out.print()
    for name, setting in data["settings"].items():
        own = setting["source"] if setting["source"] != data["source"] else ""
        entry(out, f"{name} = {_setting(setting)}{range_of(setting)}, {setting['status']}", own)
    if data["unknown"]:
        out.print(Text(f"Not given by the source: {', '.join(data['unknown'])}."))


SETTINGS = (("parameter", "left"), ("value", "right"), ("range", "left"), ("from", "left"), ("status", "left"))
"""Columns of a table of settings."""


def _print_system(out: Output, data: Mapping[str, Any]) -> None:
    devices = f"{data['devices']} device{'s' if data['devices'] > 1 else ''}"
    out.print(heading(f"{data['name']} (system, {devices}{_origin(data)})"))
    for line in (data["title"], f"Source: {data['source']}." if data["source"] else ""):
        if line:
            out.print(Text(line))
    for written in data["technologies"]:
        out.print()
        out.print(heading(f"technology {written['name']} ({written['kind']}), written in this spec"))
        for name, text in written["definition"].get("expressions", {}).items():
            out.print(Text(f"  {name} = {text}"), soft_wrap=True)
    for component in data["components"]:
        what = component["technology"] or "junction"
        preset = f", preset {component['preset']}" if component["preset"] else ""
        place = f", between {' and '.join(component['between'])}" if component["between"] else ""
        size = f", {component['topology']} of {component['size']}" if component["size"] else ""
        out.print()
        out.print(heading(f"{component['table']} {component['name']}: {what}{preset}{place}{size}"))
        rows: Rows = [
            (s["name"], _setting(s), range_of(s).strip(" ()"), s["origin"].split()[0], s["status"])
            for s in component["settings"]
        ]
        out.print(table(SETTINGS, rows))
    out.print()
    out.print(heading(f"economy, with the prices of {data['prices']}"))
    rows = [(s["name"], _setting(s), range_of(s).strip(" ()"), s["origin"].split()[0], s["status"])
            for s in data["economy"]]  # fmt: skip
    out.print(table(SETTINGS, rows))
    if data["runtime"] is not None:
        out.print()
        preset = data["runtime"]["preset"]
        out.print(heading(f"runtime{f', preset {preset}' if preset else ''}"))
        rows = [(s["name"], _setting(s), range_of(s).strip(" ()"), s["origin"].split()[0], s["status"])
                for s in data["runtime"]["settings"]]  # fmt: skip
        out.print(table(SETTINGS, rows))
    out.print()
    mapping = data["mapping"]
    words = [f"{p['role']} on {p['name']} ({_copies(p['count'])})" for p in data["pools"]]
    if not data["pools"]:
        words.append(f"tensor {mapping['tensor'] or data['devices']}")
    words += [
        f"{k} {v}" for k, v in mapping.items() if k not in ("tensor", "place", "level") and v not in (None, 1, "none")
    ]
    words += [f"{axis} on {network}" for axis, network in mapping["level"].items()]
    words += [f"{tensor} in {memory}" for tensor, memory in mapping["place"].items()]
    out.print(Text(f"mapping: {', '.join(words)}"))


def _copies(count: int) -> str:
    return "one copy" if count == 1 else f"{count} copies"


def print_diagram(diagram: Diagram) -> None:
    """Print what hangs on what as a tree, and beside it what joins the devices."""
    out = console()
    out.print(heading(diagram.name))
    if diagram.title:
        out.print(Text(diagram.title))
    for frame in diagram.frames:
        out.print()
        out.print(Text(frame.caption, style="dim"))
        for root in frame.roots:
            out.print(Padding(_branch(root), (0, 0, 0, 2)))
    for words, tables in (("joined by", "network"), ("fed by", "limit")):
        parts = [p for p in diagram.networks if p.table == tables]
        if parts:
            out.print()
            out.print(Text(words, style="dim"))
        for part in parts:
            out.print(Padding(_branch(part), (0, 0, 0, 2)))
    out.flush()


def _branch(part: Part) -> Tree:
    words = Text.assemble((part.name, "bold"), f" {part.table}: {', '.join(part.lines)}")
    if part.also is not None:
        words.append(f", leads to {part.also} as well")
    tree = Tree(words)
    for child in part.children:
        tree.children.append(_branch(child))
    return tree


def _setting(row: Mapping[str, Any]) -> str:
    value = row["value"]
    if value is None:
        return "absent"
    return value if isinstance(value, str) else format_setting(value, row["unit"], row["bits"])


_COLUMNS = {"weights": ("weights", "experts"), "KV, state": ("kv_cache", "state"), "activations": ("activations",)}


def print_trace(data: Mapping[str, Any]) -> None:
    """Print a trace so that a person sees the model."""
    out = console()
    out.print(heading(data["model"]))
    named = {k.replace("_", " "): data[k] for k in ("parameters", "active_parameters", "streamed_parameters")}
    named["KV bytes per token"] = data["kv_bytes_per_token"]
    counts = [(title, "not stated" if count is None else f"{count:,}") for title, count in named.items()]
    further = {
        "kv_bytes_bounded": "KV bytes of full windows",
        "kv_bytes_fixed": "KV bytes of the source",
        "state_bytes": "bytes of recurrent state",
    }
    counts += [(title, f"{data[key]:,}") for key, title in further.items() if data[key]]
    out.print(table((("", "left"), ("", "right")), counts))
    for phase in dict.fromkeys(o["phase"] for o in data["operators"]):
        wanted = ("batch", "prompt") if phase == "prefill" else ("batch", "prompt", "output", "context")
        sizes = ", ".join(f"{k} {v}" for k, v in data["workload"].items() if k in wanted)
        out.print()
        out.print(heading(f"{phase} ({sizes})"))
        rows: Rows = []
        for o in data["operators"]:
            if o["phase"] != phase:
                continue
            moved = {
                title: sum(o[way].get(t, 0) for way in ("bytes_read", "bytes_written") for t in tensors)
                for title, tensors in _COLUMNS.items()
            }
            rows.append(
                (
                    o["name"],
                    str(o["count"]),
                    format_quantity(o["flops"], "FLOP").removesuffix("FLOP").strip() if o["flops"] else "-",
                    *(format_quantity(v, "B") if v else "-" for v in moved.values()),
                    format_value(o["intensity"]) if o["intensity"] else "-",
                )
            )
        figures = ("runs", "FLOP", *_COLUMNS, "FLOP/B")
        out.print(table((("operator", "left"), *((f, "right") for f in figures)), rows))
    if data["notes"]:
        out.print()
        paragraph(out, data["notes"])
    out.flush()
