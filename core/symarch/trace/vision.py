"""Vision towers: an image's patches through a Transformer encoder, merged to tokens of the language model.

The tower runs in prefill for `images` images a prompt (default 0: text only) of `image_tokens` tokens each, which are
part of the prompt. Patches of an image attend to each other, both ways, or within tiles; `merge` patches make a token.
Every device has the whole tower; the images are divided among the devices and their tokens gathered. Its weights count
neither as parameters nor as what a decode step reads, but take memory.
"""

from __future__ import annotations

import attrs

from symarch.technologies import Quantity
from symarch.trace.attention import Attention
from symarch.trace.config import Config, share
from symarch.trace.decoder import Block, Group, Norm, Product
from symarch.trace.ffn import FeedForward
from symarch.trace.spans import Both, Span


@attrs.frozen(kw_only=True)
class Tower:
    """The sizes of a vision tower.

    Attributes:
        hidden: width of its residual stream.
        heads: attention heads.
        layers: layers.
        width: inner width of its FFN.
        pixels: elements of a patch: side x side x channels x frames.
        merge: patches that make a token.
        positions: elements of its table of positions.
        gated: whether its FFN is gated.
        bias: whether attention and FFN have biases.
        norm_vectors: vectors of weights in each of its norms: a scale, perhaps a bias.
        norms: norms of each block, one before, perhaps one after.
        head_norms: whether queries and keys are normed.
        patch_bias: whether the projection of patches has a bias.
        extra: weights of single norms and of a class token.
        patches: patches of an image beside those that are merged: a class token.
        tiles: patches that attend to each other in all but `whole` layers; None for all of an image's.
        whole: layers that attend to all patches where others attend to tiles.
        merger: name, columns, depth and other weights of each product behind the tower.
    """

    hidden: int
    heads: int
    layers: int
    width: int
    pixels: int
    merge: int
    positions: int = 0
    gated: bool = False
    bias: bool = True
    norm_vectors: int = 2
    norms: int = 1
    head_norms: bool = False
    patch_bias: bool = True
    extra: int = 0
    patches: int = 0
    tiles: int | None = None
    whole: int = 0
    merger: tuple[tuple[str, Quantity, Quantity, Quantity], ...] = ()

    def groups(self, config: Config, tokens: int) -> tuple[Group, ...]:
        """Return the tower's layers; `tokens` is what an image makes unless the configuration says otherwise."""
        images = config.option("images", 0)
        size = config.option("image_tokens", tokens, least=1) if config.get("images") else tokens
        patches = size * self.merge + self.patches
        head_dim = share(self.hidden, self.heads)

        def layer(span: Span, kind: str) -> tuple[Block, ...]:
            return (
                Attention(hidden=self.hidden, heads=self.heads, kv_heads=self.heads, head_dim=head_dim, span=span,
                          kind=kind, qkv_bias=self.bias, output_bias=self.bias, norms=self.norms,
                          norm_vectors=self.norm_vectors, head_norms=self.head_norms, reduced=False),
                FeedForward(hidden=self.hidden, width=self.width, gated=self.gated, bias=self.bias,
                            norms=self.norms, norm_vectors=self.norm_vectors, reduced=False),
            )  # fmt: skip

        def group(count: int, blocks: tuple[Block, ...], source: Quantity) -> Group:
            return Group(count, blocks, source=source, images=images, hidden=self.hidden, label="vision_")

        own = (self.hidden if self.patch_bias else 0) + self.positions
        first: tuple[Block, ...] = (Product("patches", self.hidden, self.pixels, own),)
        tiled = self.layers - self.whole if self.tiles is not None else 0
        found = [group(1, first, patches)]
        if tiled:
            found.append(group(tiled, layer(Both(self.tiles), "tile_"), patches))
        if self.layers > tiled:
            found.append(group(self.layers - tiled, layer(Both(), ""), patches))
        last: list[Block] = [Norm("last_norm", self.extra)] if self.extra else []
        last += [Product(name, n, k, bias) for name, n, k, bias in self.merger]
        return (*found, group(1, tuple(last), size))


def qwen_tower(config: Config, key: str = "vision_config") -> tuple[Group, ...]:
    """Read the tower of Qwen2.5-VL, Qwen3-VL and Qwen3.5; none if there is no vision_config.

    Raises ModelError naming the key at fault.
    """
    if not config.has(key):
        return ()
    vision = config.nested(key, symbolic=False)
    hidden, out = vision.whole("hidden_size"), vision.whole("out_hidden_size")
    merge = vision.whole("spatial_merge_size", 2) ** 2
    side, channels = (
        vision.whole("patch_size"),
        vision.whole("in_channels" if vision.has("in_channels") else "in_chans", 3),
    )
    pixels = side * side * channels * vision.whole("temporal_patch_size", 2)
    inner = hidden * merge
    older = vision.has("fullatt_block_indexes")
    vision.ignore("spatial_patch_size", "tokens_per_second", "initializer_range")
    merger = [("merge", inner, inner, inner), ("project", out, inner, out)]
    if older:
        tiles = (vision.whole("window_size") // side) ** 2
        full = vision.get("fullatt_block_indexes")
        whole = len(full) if isinstance(full, list) else 0
        tower = Tower(hidden=hidden, heads=vision.whole("num_heads"), layers=vision.whole("depth"), pixels=pixels,
                      width=vision.whole("intermediate_size"), merge=merge, gated=True, norm_vectors=1,
                      patch_bias=False, extra=hidden, tiles=tiles, whole=whole, merger=tuple(merger))  # fmt: skip
        return tower.groups(config, 1280)
    deep = vision.get("deepstack_visual_indexes") or []
    extra = 2 * hidden
    for _ in deep:  # a merger of its own, with a norm of the merged width
        merger += [("deep_merge", inner, inner, inner + 2 * inner), ("deep_project", out, inner, out)]
    tower = Tower(hidden=hidden, heads=vision.whole("num_heads"), layers=vision.whole("depth"), pixels=pixels,
                  width=vision.whole("intermediate_size"), merge=merge, extra=extra, merger=tuple(merger),
                  positions=vision.whole("num_position_embeddings") * hidden)  # fmt: skip
    return tower.groups(config, 1024)


def siglip_tower(config: Config, hidden: Quantity) -> tuple[Group, ...]:
    """Read the tower of Gemma 3; none if there is no vision_config. Raises ModelError naming the key at fault."""
    config.ignore("mm_tokens_per_image")
    if not config.has("vision_config"):
        return ()
    tokens = config.whole("mm_tokens_per_image", 256)
    vision = config.nested("vision_config", symbolic=False)
    width, side = vision.whole("hidden_size"), vision.whole("patch_size")
    patches = (vision.whole("image_size") // side) ** 2
    vision.ignore("vision_use_head")
    tower = Tower(
        hidden=width, heads=vision.whole("num_attention_heads"), layers=vision.whole("num_hidden_layers"),
        width=vision.whole("intermediate_size"), pixels=side * side * vision.whole("num_channels", 3),
        merge=max(patches // tokens, 1), positions=patches * width, extra=2 * width + width,
        merger=(("project", hidden, width, 0),),
    )  # fmt: skip
    return tower.groups(config, tokens)


def gemma4_tower(config: Config, hidden: Quantity) -> tuple[Group, ...]:
    """Read the tower of Gemma 4; none if there is no vision_config. Raises ModelError naming the key at fault."""
    config.ignore("vision_soft_tokens_per_image")
    if not config.has("vision_config"):
        return ()
    vision = config.nested("vision_config", symbolic=False)
    width, side = vision.whole("hidden_size"), vision.whole("patch_size")
    vision.only("num_key_value_heads", vision.whole("num_attention_heads"))
    vision.only("attention_bias", False)
    vision.ignore("head_dim", "global_head_dim", "standardize", "use_clipped_linears")
    tower = Tower(
        hidden=width, heads=vision.whole("num_attention_heads"), layers=vision.whole("num_hidden_layers"),
        width=vision.whole("intermediate_size"), pixels=side * side * 3, gated=True, bias=False, norm_vectors=1,
        norms=2, head_norms=True, patch_bias=False, merge=vision.whole("pooling_kernel_size", 3) ** 2,
        positions=2 * vision.whole("position_embedding_size") * width, merger=(("project", hidden, width, 0),),
    )  # fmt: skip
    return tower.groups(config, vision.whole("default_output_length", 280))


def llama4_tower(config: Config, hidden: Quantity) -> tuple[Group, ...]:
    """Read the tower of Llama 4; none if there is no vision_config. Raises ModelError naming the key at fault."""
    if not config.has("vision_config"):
        return ()
    vision = config.nested("vision_config", symbolic=False)
    width, side = vision.whole("hidden_size"), vision.whole("patch_size")
    patches = (vision.whole("image_size") // side) ** 2
    ratio = vision.get("pixel_shuffle_ratio")
    vision.only("pixel_shuffle_ratio", 0.5)
    vision.only("multi_modal_projector_bias", False)
    vision.only("vision_feature_layer", -1)
    vision.only("vision_feature_select_strategy", "default")
    inner, out = vision.whole("projector_input_dim"), vision.whole("projector_output_dim")
    vision.ignore("vision_output_dim")
    merge = 4 if ratio is None else round(1 / ratio**2)
    tower = Tower(
        hidden=width, heads=vision.whole("num_attention_heads"), layers=vision.whole("num_hidden_layers"),
        width=vision.whole("intermediate_size"), pixels=side * side * vision.whole("num_channels", 3),
        patch_bias=False, merge=merge, patches=1, positions=(patches + 1) * width, extra=5 * width,
        merger=(
            ("shuffle", inner, width * merge, 0),
            ("adapt", out, inner, 0),
            ("project", hidden, out, 0),
        ),
    )  # fmt: skip
    return tower.groups(config, patches // merge)


def moon_tower(config: Config, hidden: int) -> tuple[Group, ...]:
    """Read the tower of Kimi-K2.5; none if there is no vision_config. Raises ModelError naming the key at fault."""
    config.ignore("use_unified_vision_chunk")
    if not config.has("vision_config"):
        return ()
    vision = config.nested("vision_config", symbolic=False)
    width, side = vision.whole("vt_hidden_size"), vision.whole("patch_size")
    kernel = vision.get("merge_kernel_size")
    vision.only("merge_kernel_size", [2, 2])
    vision.only("mm_hidden_size", width)
    vision.only("text_hidden_size", hidden)
    vision.only("mm_projector_type", "patchmerger")
    vision.ignore("merge_type", "pos_emb_type", "video_attn_type", "init_pos_emb_time", "projector_hidden_act",
                  "projector_ln_eps")  # fmt: skip
    merge = 4 if kernel is None else kernel[0] * kernel[1]
    inner = width * merge
    tower = Tower(
        hidden=width, heads=vision.whole("vt_num_attention_heads"), layers=vision.whole("vt_num_hidden_layers"),
        width=vision.whole("vt_intermediate_size"), pixels=side * side * 3, merge=merge, extra=4 * width,
        positions=vision.whole("init_pos_emb_height") * vision.whole("init_pos_emb_width") * width,
        merger=(("merge", inner, inner, inner), ("project", hidden, inner, hidden)),
    )  # fmt: skip
    return tower.groups(config, 1024)
