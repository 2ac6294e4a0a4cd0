"""Vision towers: weights of the published modules, work by hand, and images as a parameter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import symarch
from symarch.errors import ModelError
from symarch.trace import Operator, Shard, Step, load_config
from symarch.trace.decoder import Decoder

FOLDER = Path(__file__).parents[2] / "specs" / "models"

# parameters of tower and projector, counted from the modules of transformers 5.23 on the meta device
TOWERS = {
    "gemma-3-27b": 423_060_336,
    "gemma-4-26b-a4b": 572_792_112,
    "kimi-k2.5": 471_143_920,
    "llama-4-scout": 850_960_896 + 20_971_520,
    "qwen2.5-vl-7b": 676_550_144,
    "qwen3-vl-8b": 576_388_336,
    "qwen3.5-397b-a17b": 456_010_480,
}
TOKENS = {"gemma-3-27b": 256, "gemma-4-26b-a4b": 280, "llama-4-scout": 144}  # of one image, from the configurations


def load(name: str, **settings: Any) -> Decoder:
    model = load_config(FOLDER / f"{name}.json", settings)
    assert isinstance(model, Decoder)
    return model


def step(phase: str = "prefill", batch: int = 1) -> Step:
    types = dict.fromkeys(("weights", "experts", "kv_cache", "state", "activations"), "bf16")
    tokens = 2048 if phase == "prefill" else 1
    return Step(phase, batch, tokens, 2048, 1, 1, 1, 1, 2, types, 1)


def tower(model: Decoder, batch: int = 1, degree: int = 1) -> list[Operator]:
    return [o for o in model.operators(step(batch=batch), Shard(degree)) if o.name.startswith("vision_")]


@pytest.mark.parametrize("name", sorted(TOWERS))
def test_weights_are_those_of_the_modules_and_are_stored_but_not_counted(name: str) -> None:
    model = load(name)
    held = sum(g.count * b.weights(Shard()) for g in model.groups if not g.language for b in g.blocks)
    assert held == TOWERS[name]
    assert model.stored(Shard()).weights + model.stored(Shard()).experts == model.parameters() + held


@pytest.mark.parametrize("name", sorted(TOWERS))
def test_without_images_there_is_no_tower_and_with_them_only_in_prefill(name: str) -> None:
    assert tower(load(name)) == []
    model = load(name, images=2)
    assert tower(model)
    assert not [o for o in model.operators(step("decode"), Shard()) if o.name.startswith("vision_")]
    assert load(name).operators(step("decode"), Shard()) == model.operators(step("decode"), Shard())


@pytest.mark.parametrize("name", sorted(TOWERS))
def test_each_weight_of_the_tower_is_read_once_in_a_pass(name: str) -> None:
    read = sum(o.count * a.read for o in tower(load(name, images=3)) for a in o.accesses if a.tensor == "weights")
    assert read == TOWERS[name]


@pytest.mark.parametrize("name", sorted(TOWERS))
def test_work_grows_with_images_and_sequences_and_is_divided_among_devices(name: str) -> None:
    def work(images: int, batch: int = 1, degree: int = 1) -> Any:
        return sum(o.count * o.flops for o in tower(load(name, images=images), batch, degree))

    assert work(6) == 6 * work(1) == 2 * work(3) == work(2, batch=3)
    if load(name)._divides(4):
        assert work(4, degree=4) == pytest.approx(work(1))


@pytest.mark.parametrize("name", sorted(TOKENS))
def test_an_image_makes_the_configured_tokens(name: str) -> None:
    (last,) = [o for o in tower(load(name, images=1)) if o.name == "vision_project"]
    assert last.dims["m"] == TOKENS[name]


def test_flops_of_qwen3_vl_by_hand() -> None:
    # one image of 1024 tokens: 4096 patches of 16 x 16 x 3 x 2 through 27 layers of width 1152, heads 16 x 72
    patches, v, layers = 4096, 1152, 27
    layer = 2 * patches * (4 * v * v + 2 * v * 4304) + 4 * patches * patches * v
    merge = 4 * 2 * 1024 * ((4 * v) ** 2 + 4 * v * 4096)  # the merger and three for the inner layers
    due = 2 * patches * v * 1536 + layers * layer + merge
    assert sum(o.count * o.flops for o in tower(load("qwen3-vl-8b", images=1, image_tokens=1024))) == due


def test_tiles_of_qwen2_5_vl_attend_within_themselves() -> None:
    # windows of 112 pixels are 8 x 8 patches; 4 of 32 layers attend to all
    model = load("qwen2.5-vl-7b", images=1, image_tokens=256)
    found = {o.name: (o.count, o.flops) for o in tower(model) if o.kind == "attention"}
    assert found == {
        "vision_tile_attention": (28, 4 * 1024 * 64 * 1280),
        "vision_attention": (4, 4 * 1024 * 1024 * 1280),
    }


def test_images_are_parameters_with_elasticities() -> None:
    model = symarch.load_model("llama-4-scout", {"images": 4})
    analysis = symarch.analyze(symarch.load_system("h100-sxm-8"), model, phase="prefill")
    found = {e.parameter: e.elasticity for e in analysis.sensitivity("ttft", batch=4).elasticities}
    assert 0 < found["model.images"] < 1  # type: ignore[operator]
    more = analysis.evaluate(**{"model.images": 8}).ttft
    assert more == pytest.approx(
        symarch.analyze(
            symarch.load_system("h100-sxm-8"), symarch.load_model("llama-4-scout", {"images": 8}), phase="prefill"
        ).evaluate().ttft,
        rel=1e-12,
    )  # fmt: skip


@pytest.mark.parametrize("bad", [-1, "two", [1], True])
def test_a_number_of_images_that_makes_no_sense_is_refused(bad: Any) -> None:
    with pytest.raises(ModelError, match="images"):
        load("qwen3-vl-8b", images=bad)
