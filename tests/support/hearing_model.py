"""A tiny model that hears, for the real llama.cpp: it writes the same sentence whatever is said.

Shaped like Qwen3-ASR, with one layer in the projector. A second of sound is as many tokens as with
the large one.
"""

from pathlib import Path

import numpy as np
from gguf import GGUFWriter

from .gguf_model import SMALL
from .vision_model import finish, write_words

SAID = "Certainly, these are the words that were heard in your recording."
MARKS = ("<|audio_start|>", "<|audio_end|>", "<|audio_pad|>")
# The projector: a spectrum of 128 bands, three convolutions that halve it, one layer.
BANDS, CHANNELS, WIDTH, INNER, HEADS = 128, 32, 64, 128, 4
POSITIONS = 1500


def make_hearing(folder: Path, name: str = "tiny-F16.gguf", *, said: str = SAID) -> Path:
    """Write a model and its projector into a folder, and return the model."""
    folder.mkdir(exist_ok=True, parents=True)
    write_words(folder / name, said, "qwen3", MARKS)
    write_projector(folder / f"mmproj-{name}")
    return folder / name


def write_projector(path: Path, *, width: int = SMALL.width) -> Path:
    """Write the projector of a model of this width that hears."""
    writer = GGUFWriter(path, "clip")
    writer.add_string("general.type", "mmproj")
    writer.add_bool("clip.has_audio_encoder", True)
    writer.add_bool("clip.has_vision_encoder", False)
    writer.add_bool("clip.use_gelu", True)
    for name in ("clip.projector_type", "clip.audio.projector_type"):
        writer.add_string(name, "qwen3a")
    measures = {
        "num_mel_bins": BANDS,
        "embedding_length": WIDTH,
        "feed_forward_length": INNER,
        "projection_dim": width,
        "block_count": 1,
        "attention.head_count": HEADS,
        "n_window": 50,
        "n_window_infer": 800,
        "downsample_hidden_size": CHANNELS,
    }
    for name, value in measures.items():
        writer.add_uint32(f"clip.audio.{name}", value)
    writer.add_float32("clip.audio.attention.layer_norm_epsilon", 1e-5)
    noise = np.random.default_rng(5)

    def weights(name: str, *shape: int, kind: type = np.float16) -> None:
        values = noise.standard_normal(shape, dtype=np.float32) * 0.02
        writer.add_tensor(f"{name}.weight", values.astype(kind))

    def flat(name: str, *shape: int, value: float = 0.0) -> None:
        writer.add_tensor(name, np.full(shape, value, np.float32))

    for number, before in ((1, 1), (2, CHANNELS), (3, CHANNELS)):
        weights(f"a.conv2d.{number}", CHANNELS, before, 3, 3)
        flat(f"a.conv2d.{number}.bias", CHANNELS, 1, 1)
    weights("a.conv_out", WIDTH, BANDS // 8 * CHANNELS)
    weights("a.position_embd", POSITIONS, WIDTH, kind=np.float32)
    for norm in ("a.blk.0.ln1", "a.blk.0.ln2", "a.post_ln"):
        flat(f"{norm}.weight", WIDTH, value=1.0)
        flat(f"{norm}.bias", WIDTH)
    for name, rows, columns in (
        *((f"a.blk.0.attn_{part}", WIDTH, WIDTH) for part in ("q", "k", "v", "out")),
        ("a.blk.0.ffn_up", INNER, WIDTH),
        ("a.blk.0.ffn_down", WIDTH, INNER),
        ("mm.a.mlp.1", WIDTH, WIDTH),
        ("mm.a.mlp.2", width, WIDTH),
    ):
        weights(name, rows, columns)
        flat(f"{name}.bias", rows)
    finish(writer)
    return path
