"""Captures of real models: what `transformers` executes is what the architectures say, FLOP by FLOP and byte by byte.

The captures in data/ were made by `symarch trace capture` with transformers 5.23.0 and torch 2.13.0 (batch 2, prompt
128; DeepSeek-V3 --as-executed) and are compared without PyTorch. Tests marked `torch` run the models again.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import symarch
from symarch.cli import main
from symarch.errors import ModelError
from symarch.specs import find_model
from symarch.trace import Architecture, Operator, Shard
from symarch.trace.convert import step_of
from symarch.trace.recorded import RecordedTrace
from symarch.trace.records import PRODUCTS, Trace, flops_warning, merged, read_trace

DATA = Path(__file__).with_name("data")
MODELS = ("llama-3.1-8b", "qwen3-8b", "mixtral-8x7b", "gemma-2-27b")
ROLES = {"weight": "weights", "expert_weight": "experts", "kv_read": "kv_cache"}
torch_installed = importlib.util.find_spec("torch") is not None and importlib.util.find_spec("transformers") is not None
needs_torch = pytest.mark.skipif(not torch_installed, reason="needs the extra symarch[torch]")


def captured(name: str) -> Trace:
    return read_trace(DATA / f"captured-{name}.jsonl")


def said(model: Architecture, phase: str, batch: int, prompt: int) -> list[Operator]:
    sizes = {"batch": batch, "prompt": prompt, "output": 2}
    return model.operators(step_of(phase, sizes, dict.fromkeys(model.tensors, "bf16")), Shard())


def works_of(trace: Trace, phase: str) -> list[Any]:
    return [r.work for r in trace.records if r.work.phase == phase]


def flops_of(trace: Trace, phase: str) -> Any:
    return sum(w.flops * w.repeat for w in works_of(trace, phase) if w.flops)


def moved(trace: Trace, phase: str, role: str) -> Any:
    """Return the bytes of a role. Routers that transformers keeps in 32 bits, from 5.24 on, count as in 16."""
    return sum(
        w.repeat * (t.moved / 2 if role == "weight" and t.dtype == "fp32" else t.moved)
        for w in works_of(trace, phase)
        for t in w.tensors
        if t.role == role
    )


def compare(trace: Trace, model: Architecture, batch: int, prompt: int, phases: tuple[str, ...]) -> None:
    """Hold a capture against an architecture: FLOPs of products, bytes by role, counts."""
    for phase in phases:
        operators = said(model, phase, batch, prompt)
        products = [o for o in operators if o.kind in PRODUCTS]
        assert flops_of(trace, phase) == sum(o.flops * o.count for o in products)
        for role, tensor in ROLES.items():
            read = [(o.count, a) for o in operators if o.kind != "embedding" for a in o.accesses if a.tensor == tensor]
            assert moved(trace, phase, role) == pytest.approx(sum(n * a.read for n, a in read), rel=1e-12), role
        cached = [(o.count, a.write) for o in operators for a in o.accesses if a.tensor == "kv_cache"]
        assert moved(trace, phase, "kv_write") == sum(n * written for n, written in cached)
    assert trace.parameters == model.parameters()
    assert trace.active_parameters == model.active_parameters()
    assert trace.streamed_parameters == model.streamed_parameters()
    assert flops_warning(trace) is None


def expansion(layers: int, batch: int, context: int) -> int:
    """Return the FLOPs by which a decode step of DeepSeek-V3 in transformers exceeds the absorbed one that is served.

    transformers multiplies the cached latents of all tokens by the weights of keys and values and attends to the
    result; serving multiplies the queries and the attended latents by them, and attends to the latents. Sizes of
    DeepSeek-V3: 128 heads, latent 512, keys 128 and 64 roped, values 128.
    """
    heads, latent, nope, rope, value = 128, 512, 128, 64, 128
    expanded = batch * context * latent * heads * (nope + value)
    attended = batch * context * heads * (nope + rope + value)
    absorbed = batch * heads * (nope * latent + latent * value)
    latents = batch * context * heads * (latent + rope + latent)
    return 2 * layers * (expanded + attended - absorbed - latents)


def compare_deepseek(trace: Trace, model: Architecture, layers: int, batch: int, prompt: int) -> None:
    compare(trace, model, batch, prompt, ("prefill",))
    served = sum(o.flops * o.count for o in said(model, "decode", batch, prompt) if o.kind in PRODUCTS)
    assert flops_of(trace, "decode") - served == expansion(layers, batch, prompt + 1)
    assert any("multiplies the whole cache by weights" in note for note in trace.notes)
    assert any("serving engines absorb these weights" in note for note in trace.notes)


# --- without PyTorch


@pytest.mark.parametrize("name", MODELS)
def test_the_committed_capture_is_what_the_architecture_says(name: str) -> None:
    compare(captured(name), symarch.load_model(name), 2, 128, ("prefill", "decode"))


def test_deepseeks_capture_differs_as_stated() -> None:
    compare_deepseek(captured("deepseek-v3"), symarch.load_model("deepseek-v3"), 61, 2, 128)


@pytest.mark.parametrize("name", [*MODELS, "deepseek-v3"])
def test_captures_are_merged_and_small(name: str) -> None:
    trace = captured(name)
    assert merged(trace) == trace
    assert len(trace.records) < 70
    assert sum(int(r.work.repeat or 0) for r in trace.records) > 700


@pytest.mark.parametrize("name", MODELS)
def test_a_capture_is_a_model(name: str) -> None:
    trace = RecordedTrace(captured(name))
    assert trace.taken_at == {"batch": 2, "prompt": 128, "output": 2}
    system = symarch.load_system("h100-sxm")
    analysis = symarch.analyze(system, trace, ideal=True)
    found = analysis.evaluate()
    plain = symarch.analyze(system, symarch.load_model(name), ideal=True).evaluate(batch=2, prompt=128, output=2)
    # fused otherwise than in symarch's architectures, but at the speed of light only weights, cache and FLOPs count
    assert found.tpot == pytest.approx(plain.tpot, rel=1e-3)
    assert found.ttft == pytest.approx(plain.ttft, rel=2e-2)
    assert found.workload["output"] == 2
    analysis.check_dimensions()
    capacity = {c.name: c.used for c in found.constraints}["hbm.capacity"]
    expected = {c.name: c.used for c in plain.constraints}["hbm.capacity"]
    assert capacity == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("name", "family"), [("llama-3.1-8b", "dense"), ("mixtral-8x7b", "experts")])
def test_an_exported_prefill_is_symbolic_in_batch_and_prompt(name: str, family: str) -> None:
    trace = RecordedTrace(read_trace(DATA / f"exported-{name}.jsonl"))
    assert trace.taken_at == {}
    model = symarch.load_model(name)
    for batch, prompt in ((1, 2), (3, 500), (64, 8192)):
        sizes = {"batch": batch, "prompt": prompt}
        dtypes = dict.fromkeys(trace.tensors, "bf16")
        mine = trace.operators(step_of("prefill", sizes, dtypes), Shard())
        theirs = said(model, "prefill", batch, prompt)
        for kinds in (("matmul", "moe_matmul"), ("attention",)):
            assert sum(o.flops * o.count for o in mine if o.kind in kinds) == pytest.approx(
                sum(o.flops * o.count for o in theirs if o.kind in kinds), rel=1e-13
            )
        for tensor in ("weights", "experts"):
            read = [
                sum(o.count * a.read for o in operators for a in o.accesses if a.tensor == tensor)
                for operators in (mine, theirs)
            ]
            assert read[0] == pytest.approx(read[1], rel=1e-12), (family, tensor)
    analysis = symarch.analyze(symarch.load_system("h100-sxm"), trace)
    assert analysis.phase == "prefill"
    assert {"batch", "prompt"} <= set(analysis.recorded().symbols)


@pytest.mark.skipif(torch_installed, reason="PyTorch is installed")
def test_without_pytorch_the_extra_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for arguments in ([], ["--symbolic"]):
        with pytest.raises(SystemExit) as stopped:
            main(["trace", "capture", "llama-3.1-8b", "-o", str(tmp_path / "t.jsonl"), *arguments])
        assert stopped.value.code == 2
        assert "pip install 'symarch[torch]'" in capsys.readouterr().err


# --- with PyTorch


@pytest.fixture
def small(tmp_path: Path) -> Any:
    """Return a maker of configs with few layers."""

    def make(name: str, **changes: Any) -> str:
        source = find_model(name)
        config = {**json.loads(source.read_text(encoding="utf-8")), **changes}
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
        return str(folder)

    return make


@needs_torch
@pytest.mark.torch
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(("batch", "prompt"), [(1, 300), (2, 128)])
def test_real_models_execute_what_the_architectures_say(name: str, batch: int, prompt: int) -> None:
    from symarch.trace.capture import capture_config

    trace = capture_config(name, batch, prompt)
    compare(trace, symarch.load_model(name), batch, prompt, ("prefill", "decode"))
    if (batch, prompt) == (2, 128):
        kept = captured(name)
        assert [(r.name, r.work) for r in trace.records] == [(r.name, r.work) for r in kept.records]


RELATIVES = json.loads((DATA / "relatives.json").read_text(encoding="utf-8"))


@needs_torch
@pytest.mark.torch
@pytest.mark.parametrize("name", RELATIVES)
def test_relatives_execute_what_the_architectures_say(name: str, tmp_path: Path) -> None:
    from symarch.trace.capture import capture_config

    source = tmp_path / "config.json"
    source.write_text(json.dumps({**RELATIVES[name]["config"], "num_hidden_layers": 4}), encoding="utf-8")
    compare(capture_config(str(source), 2, 150), symarch.load_model(str(source)), 2, 150, ("prefill", "decode"))


@needs_torch
@pytest.mark.torch
def test_real_deepseek_differs_as_stated() -> None:
    from symarch.trace.capture import capture_config

    trace = capture_config("deepseek-v3", 2, 128, as_executed=True)
    compare_deepseek(trace, symarch.load_model("deepseek-v3"), 61, 2, 128)
    assert [r.work for r in trace.records] == [r.work for r in captured("deepseek-v3").records]


FAMILIES = {
    "glm-4.5": {"num_hidden_layers": 5},
    "gpt-oss-20b": {},
    "minimax-m2.5": {"num_hidden_layers": 3},
    "opt-175b": {"num_hidden_layers": 3},
    "phi-3-mini": {"sliding_window": 50},
    "qwen2.5-7b": {},
    "qwen3-30b-a3b": {},
}
"""Other families, some with fewer layers."""


@needs_torch
@pytest.mark.torch
@pytest.mark.parametrize("name", FAMILIES)
def test_other_families_execute_what_the_architectures_say(name: str, small: Any) -> None:
    from symarch.trace.capture import capture_config

    source = small(name, **FAMILIES[name])
    compare(capture_config(source, 2, 150), symarch.load_model(source), 2, 150, ("prefill", "decode"))


@needs_torch
@pytest.mark.torch
def test_windows_and_phases_are_counted_exactly(small: Any) -> None:
    from symarch.trace.capture import capture_config

    source = small("gemma-2-27b", num_hidden_layers=4, sliding_window=100)
    both = capture_config(source, 3, 250)
    compare(both, symarch.load_model(source), 3, 250, ("prefill", "decode"))
    for phase, sizes in (("prefill", {"batch": 3, "prompt": 250}), ("decode", {"batch": 3, "context": 251})):
        one = capture_config(source, 3, 250, (phase,))
        assert one.sizes == sizes
        assert [r.work for r in one.records] == [r.work for r in both.records if r.work.phase == phase]


@needs_torch
@pytest.mark.torch
def test_latent_attention_is_refused_unless_asked_for(small: Any) -> None:
    from symarch.trace.capture import capture_config

    source = small("deepseek-v3", num_hidden_layers=2, first_k_dense_replace=1)
    with pytest.raises(ModelError, match=r"kv_b_proj multiplies the whole cache .* serving engines absorb"):
        capture_config(source, 1, 16)
    assert capture_config(source, 1, 16, ("prefill",)).phases == ("prefill",)


@needs_torch
@pytest.mark.torch
def test_other_devices_other_attentions_and_states_are_refused(small: Any) -> None:
    import torch
    import transformers

    from symarch.trace.capture import capture_config, capture_module

    config = transformers.AutoConfig.for_model("llama", hidden_size=64, num_hidden_layers=1, num_attention_heads=2,
                                               intermediate_size=64, vocab_size=99)  # fmt: skip
    module = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    with pytest.raises(ModelError, match=r"is on cpu: the device picks kernels, and some have no FLOP formula"):
        capture_module(module, "x", 1, 8)
    with pytest.raises(ModelError, match="an attention of its own"):
        capture_config(small("falcon-7b", num_hidden_layers=1), 1, 8)
    with pytest.raises(ModelError, match=r"linear_attention are not known to a capture: .*symarch trace convert knows"):
        capture_config(small("qwen3-next-80b-a3b", num_hidden_layers=4), 1, 8)
    with pytest.raises(ModelError, match=r"h\.0\.self_attention has an attention of its own"):
        capture_config(small("bloom-176b", n_layer=1), 1, 8)
    with pytest.raises(ModelError, match="a capture runs decoders only, this model has an encoder too"):
        capture_config(small("whisper-large-v3"), 1, 8)
    with pytest.raises(ModelError, match="transformers cannot build it"):
        capture_config(small("llama-3.1-8b", model_type="no_such"), 1, 8)


@needs_torch
@pytest.mark.torch
def test_a_product_without_a_formula_is_refused_and_a_grouped_one_counted() -> None:
    import torch

    from symarch.trace.capture import _Recorder

    class Model(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.experts = torch.nn.Parameter(torch.empty(4, 16, 32, dtype=torch.bfloat16, device="meta"))

    model = Model()
    recorder = _Recorder(torch, model, "x", 1, False)
    rows = torch.empty(12, 16, dtype=torch.bfloat16, device="meta")
    offsets = torch.empty(4, dtype=torch.int32, device="meta")
    with recorder.running("prefill", 6), torch.no_grad():
        torch._grouped_mm(rows, model.experts, offs=offsets)
    (record,) = recorder.records()
    assert (record.work.kind, record.work.flops) == ("moe_matmul", 2 * 12 * 16 * 32)
    assert record.work.flops_from == "shapes"
    (weight,) = [t for t in record.work.tensors if t.role == "expert_weight"]
    assert weight.unique == 4 * (1 - 0.5**6) * 16 * 32 * 2  # two of four experts for each of six tokens
    with pytest.raises(ModelError, match=r"no FLOP formula for aten\.addbmm"), recorder.running("prefill", 6):
        left = torch.empty(2, 3, 4, device="meta")
        torch.addbmm(torch.empty(3, 5, device="meta"), left, torch.empty(2, 4, 5, device="meta"))


@needs_torch
@pytest.mark.torch
@pytest.mark.parametrize("name", ["llama-3.1-8b", "mixtral-8x7b"])
def test_an_export_agrees_with_a_capture(name: str, small: Any) -> None:
    from symarch.trace.capture import capture_config
    from symarch.trace.export import export_config

    source = small(name, num_hidden_layers=2)
    exported = RecordedTrace(export_config(source))
    for batch, prompt in ((2, 64), (5, 33)):
        dtypes = dict.fromkeys(exported.tensors, "bf16")
        operators = exported.operators(step_of("prefill", {"batch": batch, "prompt": prompt}, dtypes), Shard())
        trace = capture_config(source, batch, prompt, ("prefill",))
        assert sum(o.flops * o.count for o in operators if o.kind in PRODUCTS) == flops_of(trace, "prefill")


@needs_torch
@pytest.mark.torch
def test_a_window_is_not_exported(small: Any) -> None:
    from symarch.trace.export import export_config

    with pytest.raises(ModelError, match="knows causal masks only"):
        export_config(small("gemma-2-27b", num_hidden_layers=2))


@needs_torch
@pytest.mark.torch
def test_the_command_line_captures(small: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "t.jsonl"
    with pytest.raises(SystemExit) as stopped:
        main(["trace", "capture", small("llama-3.1-8b", num_hidden_layers=2), "-o", str(path), "--prompt", "64"])
    assert stopped.value.code == 0
    assert "records, prefill and decode; FLOPs of matrix products: 32 given, 2 derived" in capsys.readouterr().err
    assert read_trace(path).sizes == {"batch": 1, "prompt": 64, "output": 2}


def test_symbolic_decode_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["trace", "capture", "llama-3.1-8b", "-o", "t.jsonl", "--symbolic", "--phase", "decode"])
    assert stopped.value.code == 2
    assert "--symbolic is a prefill" in capsys.readouterr().err


def test_a_model_is_loaded_without_any_reader() -> None:
    code = (
        "import sys, symarch; symarch.load_model('llama-3.1-8b'); "
        "found = {'torch', 'transformers', 'google.protobuf', 'symarch.trace.chakra', 'symarch.trace.capture'}; "
        "print(found & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
