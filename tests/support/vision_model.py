"""A tiny model that sees, for the real llama.cpp: it says its sentence whatever it is shown.

Shaped like Qwen3-VL, with one layer in the projector. Pictures count as many tokens as with the
large ones.
"""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from gguf import GGUFWriter

from .gguf_model import (
    END,
    PRIMER,
    REPLY,
    SMALL,
    START,
    STOP,
    TEMPLATES,
    Words,
    _add_measures,
    _add_vocabulary,
)

VISION = ("<|vision_start|>", "<|vision_end|>", "<|image_pad|>")
HEADS, HEAD = SMALL.heads, SMALL.width // SMALL.heads
# The projector: patches of 16 pixels, four of which are one token.
WIDTH, INNER, PATCH, MERGED = 64, 128, 16, 2
IMAGE_SIDE = 768


def make_vision(folder: Path, name: str = "tiny-F16.gguf", *, reply: str = REPLY) -> Path:
    """Write a model and its projector into a folder, and return the model."""
    folder.mkdir(exist_ok=True)
    write_words(folder / name, reply)
    write_projector(folder / f"mmproj-{name}")
    return folder / name


def write_words(
    path: Path, reply: str, architecture: str = "qwen3vl", marks: Sequence[str] = VISION
) -> None:
    """Write the model itself, for pictures or, as `qwen3`, for sound; `marks` stand around both."""
    words = Words(f"{reply} {PRIMER}")
    special = [END, START, STOP, *marks]
    ids = {token: number for number, token in enumerate([*words.tokens, *special])}
    chain = [words.letters[10], *words.split(" " + reply), STOP]
    writer = GGUFWriter(path, architecture)
    _add_measures(writer, SMALL, len(ids))
    writer.add_key_length(HEAD)
    writer.add_value_length(HEAD)
    if architecture == "qwen3vl":
        writer.add_rope_dimension_sections([4, 6, 6, 0])
        writer.add_uint32("qwen3vl.n_deepstack_layers", 0)
    _add_vocabulary(writer, words, special, ids, TEMPLATES["chatml"])
    noise = np.random.default_rng(7)
    inward = noise.standard_normal((len(ids), SMALL.width), dtype=np.float32)
    outward = np.zeros_like(inward)
    for here, there in pairwise(chain):
        outward[ids[there]] += inward[ids[here]]
    writer.add_tensor("token_embd.weight", inward.astype(np.float16))
    writer.add_tensor("output.weight", outward.astype(np.float16))
    writer.add_tensor("output_norm.weight", np.ones(SMALL.width, np.float32))
    for layer in range(SMALL.layers):
        block = f"blk.{layer}."
        for norm, size in (("attn", SMALL.width), ("ffn", SMALL.width), ("attn_q", HEAD)):
            writer.add_tensor(f"{block}{norm}_norm.weight", np.ones(size, np.float32))
        writer.add_tensor(f"{block}attn_k_norm.weight", np.ones(HEAD, np.float32))
        for part, rows, columns in (
            ("attn_q", SMALL.width, SMALL.width),
            ("attn_k", SMALL.width, SMALL.width),
            ("attn_v", SMALL.width, SMALL.width),
            ("attn_output", SMALL.width, SMALL.width),
            ("ffn_gate", SMALL.inner, SMALL.width),
            ("ffn_up", SMALL.inner, SMALL.width),
            ("ffn_down", SMALL.width, SMALL.inner),
        ):
            # The blocks add nothing to what comes from the newest token.
            scale = 0.0 if part in {"attn_output", "ffn_down"} else SMALL.width**-0.5
            values = noise.standard_normal((rows, columns), dtype=np.float32) * scale
            writer.add_tensor(f"{block}{part}.weight", values.astype(np.float16))
    finish(writer)


def write_projector(path: Path, *, width: int = SMALL.width) -> Path:
    """Write the projector of a vision model of this width."""
    writer = GGUFWriter(path, "clip")
    writer.add_string("general.type", "mmproj")
    writer.add_bool("clip.has_vision_encoder", True)
    writer.add_bool("clip.use_gelu", True)
    writer.add_string("clip.projector_type", "qwen3vl_merger")
    measures = {
        "image_size": IMAGE_SIDE,
        "patch_size": PATCH,
        "embedding_length": WIDTH,
        "feed_forward_length": INNER,
        "projection_dim": width,
        "block_count": 1,
        "spatial_merge_size": MERGED,
        "attention.head_count": 4,
    }
    for name, value in measures.items():
        writer.add_uint32(f"clip.vision.{name}", value)
    writer.add_float32("clip.vision.attention.layer_norm_epsilon", 1e-6)
    for name in ("image_mean", "image_std"):
        writer.add_array(f"clip.vision.{name}", [0.5, 0.5, 0.5])
    noise = np.random.default_rng(3)

    def weights(name: str, *shape: int, kind: type = np.float16) -> None:
        values = noise.standard_normal(shape, dtype=np.float32) * 0.02
        writer.add_tensor(name, values.astype(kind))

    def flat(name: str, size: int, value: float = 0.0) -> None:
        writer.add_tensor(name, np.full(size, value, np.float32))

    for name in ("v.patch_embd.weight", "v.patch_embd.weight.1"):
        weights(name, WIDTH, 3, PATCH, PATCH)
    flat("v.patch_embd.bias", WIDTH)
    weights("v.position_embd.weight", (IMAGE_SIDE // PATCH) ** 2, WIDTH, kind=np.float32)
    for norm in ("v.blk.0.ln1", "v.blk.0.ln2", "v.post_ln"):
        flat(f"{norm}.weight", WIDTH, 1.0)
        flat(f"{norm}.bias", WIDTH)
    merged = WIDTH * MERGED**2
    for name, rows, columns in (
        ("v.blk.0.attn_qkv", 3 * WIDTH, WIDTH),
        ("v.blk.0.attn_out", WIDTH, WIDTH),
        ("v.blk.0.ffn_up", INNER, WIDTH),
        ("v.blk.0.ffn_down", WIDTH, INNER),
        ("mm.0", merged, merged),
        ("mm.2", width, merged),
    ):
        weights(f"{name}.weight", rows, columns)
        flat(f"{name}.bias", rows)
    finish(writer)
    return path


def finish(writer: GGUFWriter) -> None:
    """Write what was added to the file."""
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
