"""The JSON Schema of system specs, generated from the installed technologies, for editors that complete TOML."""

from __future__ import annotations

from typing import Any

import attrs

from symarch.plugins import registry
from symarch.specs.placement import LAYERED, PLACED
from symarch.specs.pools import OWN as POOL_KEYS
from symarch.specs.pools import ROLES
from symarch.specs.presets import presets_of
from symarch.specs.systems import AUTO, AXES, DEGREES, HIDINGS, KIND_OF, RESERVED
from symarch.specs.technologies import KINDS, MOST
from symarch.specs.values import ABSENT
from symarch.technologies import Economy, Option, Parameter, Runtime, Supply, options_of, parameters_of

_PARTS = ("extends", "name", "title", "source", "mapping", "technology")
"""What a pool holds, beside components, that a spec holds too."""

_STATUS = ["measured", "standard", "announced", "assumed"]
_ALGORITHM = {
    "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}],
    "description": "collective algorithms to choose from; auto: the fastest of those that the topology names",
}
_ARBITRATION = {"enum": ["shared", "exclusive"], "description": "how several tiers share the port or link"}
_COMPONENT = {"pattern": "^[a-z][a-z0-9_]*$", "not": {"enum": list(RESERVED)}}


def schema() -> dict[str, Any]:
    """Return the schema (draft 2020-12) of a system spec with the technologies installed now."""
    technologies = registry().technologies()
    defined = _Definitions()
    topologies = {n: c for n, c in technologies.items() if c.kind == "topology"}
    tables: dict[str, Any] = {}
    for table, kind in KIND_OF.items():
        kin = {n: c for n, c in technologies.items() if c.kind == kind}
        shapes = [_component(table, name, cls, topologies, defined) for name, cls in kin.items()]
        if kind in KINDS:
            shapes.append(_of_the_spec(list(technologies)))
        if table == "switch":
            shapes.append({"type": "object", "properties": {}, "additionalProperties": False, "title": "junction"})
        tables[table] = {
            "type": "object",
            "propertyNames": _COMPONENT,
            "additionalProperties": {"anyOf": shapes},
        }
    supply: dict[str, Any] = {"title": "supply", "type": "object", "additionalProperties": False}
    supply["properties"] = defined.parameters(Supply)
    tables["limit"] = {"type": "object", "propertyNames": _COMPONENT, "additionalProperties": supply}
    text = {"type": "string"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "symarch system",
        "type": "object",
        "required": ["format"],
        "additionalProperties": False,
        "properties": {
            "format": {"const": 1},
            "extends": text | {"description": "a shipped system, or a file beside this one"},
            "name": text,
            "title": text,
            "source": text,
            "prices": text | {"description": "a shipped list of prices, or a file"},
            "economy": {
                "type": "object",
                "additionalProperties": False,
                "properties": defined.parameters(Economy),
            },
            "runtime": _runtime(defined),
            "mapping": {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    **{key: {"anyOf": [_count(), {"const": AUTO}]} for key in DEGREES},
                    "hide": {"anyOf": [{"enum": list(HIDINGS)}, {"type": "number", "minimum": 0, "maximum": 1}]},
                    "level": {
                        "type": "object",
                        "additionalProperties": False,
                        "properties": dict.fromkeys(AXES, text),
                    },
                    "place": {
                        "anyOf": [
                            {"const": AUTO},
                            {
                                "type": "object",
                                "additionalProperties": False,
                                "properties": {tensor: _place(tensor, defined) for tensor in PLACED},
                            },
                        ]
                    },
                    "processor": text,
                    "run": {"type": "object", "additionalProperties": text},
                    **dict.fromkeys(ROLES, text),
                },
            },
            "pool": {
                "type": "object",
                "propertyNames": {"pattern": "^[a-z][a-z0-9_]*$", "not": {"enum": list(RESERVED)}},
                "additionalProperties": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {
                        **{key: {"type": "integer", "minimum": 1} for key in POOL_KEYS},
                        **{key: {"$ref": f"#/properties/{key}"} for key in (*_PARTS, *tables)},
                    },
                },
            },
            "technology": _technologies(),
            **tables,
        },
        # a name that no plugin provides is right only where the spec, or one it extends, may write it
        "if": {"not": {"anyOf": [{"required": ["technology"]}, {"required": ["extends"]}]}},
        "then": {
            "properties": {
                table: {"additionalProperties": {"properties": {"technology": {"enum": list(technologies)}}}}
                for table in KIND_OF
            }
        },
        "$defs": defined.found,
    }


def _place(tensor: str, defined: _Definitions) -> dict[str, Any]:
    """Return the shapes of a placement that a tensor class may have."""
    text = {"type": "string"}
    count = {"type": "integer", "minimum": 1}
    parts = ("hot", "cold", "hot_experts", "recent", "old", "recent_tokens", "prefix", "private")
    fractions = {
        "type": "object",
        "minProperties": 1,
        "propertyNames": {"pattern": "^[a-z][a-z0-9_]*$", "not": {"enum": list(parts)}},
        "additionalProperties": {"type": "number", "minimum": 0, "maximum": 1},
        "description": "the share of the bytes in each of several memories that are read at once; shares sum to 1",
    }
    leaf = defined.named("Memories", {"anyOf": [text | {"description": "a memory"}, fractions]})
    shapes: list[dict[str, Any]] = [leaf]

    def parted(keys: tuple[str, ...], counts: tuple[str, ...], doc: str) -> dict[str, Any]:
        return {
            "type": "object",
            "required": [*keys, *counts],
            "additionalProperties": False,
            "properties": dict.fromkeys(keys, leaf) | dict.fromkeys(counts, count),
            "description": doc,
        }

    if tensor in LAYERED:
        item = parted(("memory",), (), "layers that lie in one place")
        numbers = {
            "anyOf": [
                {"type": "integer", "minimum": 0},
                {"type": "string", "pattern": r"^\s*[0-9]+\s*(-\s*[0-9]*\s*)?$"},
            ]
        }
        item["properties"]["layers"] = numbers
        item["required"].append("layers")
        shapes.append(defined.named("Layers", {"type": "array", "minItems": 1, "items": item}))
    if tensor == "experts":
        shapes.append(parted(("hot", "cold"), ("hot_experts",), "the experts most in demand apart from the others"))
    if tensor == "kv_cache":
        shapes.append(parted(("recent", "old"), ("recent_tokens",), "the newest tokens apart from the others"))
        shapes.append(parted(("prefix", "private"), (), "a shared prefix apart from what each sequence has of its own"))
    return {"anyOf": shapes}


def _of_the_spec(installed: list[str]) -> dict[str, Any]:
    """Return the shape of a component whose technology is written in the spec; its parameters are known there alone."""
    name = {"type": "string", "not": {"enum": installed}}
    return {"type": "object", "required": ["technology"], "properties": {"technology": name}, "title": "written here"}


def _technologies() -> dict[str, Any]:
    """Return the shape of technologies written in a spec."""
    text = {"type": "string"}
    number = {"anyOf": [{"type": "number"}, text]}
    flag = {"type": "boolean"}
    table = {
        "type": "object",
        "required": ["value"],
        "additionalProperties": False,
        "properties": dict.fromkeys(("value", "low", "high", "ideal"), number)
        | dict.fromkeys(("source", "unit", "doc", "symbol"), text)
        | dict.fromkeys(("nonnegative", "integer"), flag)
        | {"status": {"enum": _STATUS}, "better": {"enum": ["more", "less"]}, "at_most": {"type": "number"}},
    }
    word = {"pattern": "^[a-z][a-z0-9_]{0,39}$"}
    return {
        "type": "object",
        "description": "technologies written in this spec",
        "maxProperties": MOST,
        "propertyNames": {"pattern": "^[a-z][a-z0-9_-]{0,39}$"},
        "additionalProperties": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "kind": {"enum": list(KINDS)},
                "title": text,
                "doc": text,
                "source": text | {"description": "of the parameters without one of their own"},
                "assumptions": {"type": "array", "items": text},
                "parameters": {
                    "type": "object",
                    "maxProperties": MOST,
                    "propertyNames": word,
                    "additionalProperties": {"anyOf": [*number["anyOf"], table]},
                },
                "expressions": {
                    "type": "object",
                    "maxProperties": MOST,
                    "propertyNames": word,
                    "additionalProperties": text,
                },
            },
        },
    }


def _component(table: str, name: str, cls: type, topologies: dict[str, type], defined: _Definitions) -> dict[str, Any]:
    properties: dict[str, Any] = {"technology": {"const": name}}
    if presets_of(name):
        properties["preset"] = defined.preset(name)
    shared = defined.named("Arbitration", _ARBITRATION)
    classes = [cls]
    if getattr(cls, "near", False):
        properties["on"] = {"type": "string"}
    if table == "memory":
        properties |= {"on": {"type": "string"}, "arbitration": shared, "shared_by": _count()}
    if table == "link":
        ends = {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2}
        properties |= {"between": ends, "arbitration": shared, "shared_by": _count()}
    if table == "switch":
        properties |= {"arbitration": shared, "shared_by": _count()}
    if table == "network":
        properties |= {"topology": {"enum": list(topologies)}, "size": _count(), "algorithm": _ALGORITHM}
        classes += topologies.values()
    words: dict[str, Option] = {}
    for each in classes:
        properties |= defined.parameters(each)
        for option in options_of(each):
            # topologies may have an option of one name with words of their own
            known = words.get(option.name)
            words[option.name] = option
            properties[option.name] = defined.option(each, option)
            if known is not None and known.choices and option.choices:
                choices = tuple(dict.fromkeys([*known.choices, *option.choices]))
                words[option.name] = attrs.evolve(option, choices=choices)
                properties[option.name] = _option(words[option.name])
    # a spec that extends another may leave out any key, `technology` included
    return {"type": "object", "title": name, "properties": properties, "additionalProperties": False}


def _runtime(defined: _Definitions) -> dict[str, Any]:
    """Return the shape of the serving software."""
    properties: dict[str, Any] = {"preset": {"enum": list(presets_of(Runtime.name))}}
    properties |= defined.parameters(Runtime)
    properties |= {o.name: defined.option(Runtime, o) for o in options_of(Runtime)}
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _count() -> dict[str, Any]:
    return {"type": "integer", "minimum": 1}


class _Definitions:
    """What many tables have in common, each written once under `$defs` and referred to.

    A parameter or option is `TECHNOLOGY/NAME`; its value and the table of a value with its range are one definition for
    all parameters that take the same numbers.
    """

    def __init__(self) -> None:
        # the name of a technology begins with a small letter, all others with a capital
        self.found: dict[str, Any] = {"Status": {"enum": _STATUS}, "Text": {"type": "string"}}

    def named(self, name: str, content: dict[str, Any]) -> dict[str, Any]:
        """Return a reference to what is the same wherever it stands."""
        self.found[name] = content
        return _to(name)

    def preset(self, technology: str) -> dict[str, Any]:
        """Return a reference to the presets of a technology, or a file with one."""
        file = self.named("PresetFile", {"type": "string", "pattern": r"\.toml(:.+)?$"})
        return self.named(f"Preset_{technology}", {"anyOf": [{"enum": list(presets_of(technology))}, file]})

    def parameters(self, technology: type) -> dict[str, Any]:
        """Return a reference to each parameter of a technology."""
        name: str = technology.name  # type: ignore[attr-defined]  # every technology has one
        if name not in self.found:
            options = {o.name: _option(o) for o in options_of(technology)}
            self.found[name] = options | {p.name: self._parameter(p) for p in parameters_of(technology)}
        return {p.name: _to(f"{name}/{p.name}") for p in parameters_of(technology)}

    def option(self, technology: type, option: Option) -> dict[str, Any]:
        """Return a reference to an option of a technology whose parameters have been asked for."""
        return _to(f"{technology.name}/{option.name}")  # type: ignore[attr-defined]  # every technology has one

    def _parameter(self, parameter: Parameter) -> dict[str, Any]:
        return {"description": f"{parameter.doc} [{parameter.unit}]", **self._numbers(parameter)}

    def _numbers(self, parameter: Parameter) -> dict[str, Any]:
        """Return a reference to the values that a parameter takes, bare or in a table."""
        number: dict[str, Any] = {"type": "number"}
        number["minimum" if parameter.nonnegative else "exclusiveMinimum"] = 0
        name = "From_0" if parameter.nonnegative else "Above_0"
        if parameter.at_most is not None:
            number["maximum"] = parameter.at_most
            name += f"_to_{parameter.at_most:g}"
        if parameter.may_lack:
            name += "_or_absent"
        if name not in self.found:
            value = _to(f"{name}_value")
            self.found[f"{name}_value"] = {"anyOf": [number, {"type": "string", "pattern": r"^\s*[+]?([0-9.]|inf)"}]}
            table = {
                "type": "object",
                "required": ["value"],
                "additionalProperties": False,
                "properties": dict.fromkeys(("value", "low", "high"), value)
                | {"source": _to("Text"), "status": _to("Status")},
            }
            lacking = [{"const": ABSENT, "description": "not modelled, or no limit"}] if parameter.may_lack else []
            self.found[name] = {"anyOf": [value, table, *lacking]}
        return _to(name)


def _to(name: str) -> dict[str, Any]:
    return {"$ref": f"#/$defs/{name}"}


def _option(option: Option) -> dict[str, Any]:
    allowed: dict[str, Any] = {"enum": list(option.choices)} if option.choices else {"type": "string"}
    return {"description": option.doc} | allowed
