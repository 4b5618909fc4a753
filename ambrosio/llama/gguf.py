"""Reads the header of a GGUF file: the size of the model and the memory one token takes.

Only what `sizing` needs, and whether the file is complete; does not read the tensors. The format:
https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from .errors import ModelUnusable

MAGIC = b"GGUF"
# GGUF's numeric value types, as formats of `struct`; strings and arrays are read separately.
NUMBERS = {
    0: "B",
    1: "b",
    2: "H",
    3: "h",
    4: "I",
    5: "i",
    6: "f",
    7: "?",
    10: "Q",
    11: "q",
    12: "d",
}
STRING, ARRAY = 8, 9
CHAT_TEMPLATE = "tokenizer.chat_template"
# A damaged file may claim any number; no real header comes near this.
MAX_ITEMS = 50_000_000
# Longer arrays, such as vocabularies, are skipped.
MAX_ARRAY_ITEMS = 1024
SPLIT = re.compile(r"-(\d{5})-of-(\d{5})\.gguf$")

Value = str | float | list[str | float]


@dataclass(frozen=True, slots=True)
class ModelSize:
    """The memory a model takes, in bytes: its weights, and the KV cache for each token.

    `trained_context` is in tokens, 0 if the file does not say.
    """

    weights_bytes: int
    token_bytes: int
    trained_context: int


def parts(path: Path) -> list[Path]:
    """List the files of a model; large ones are split, `…-00001-of-00003.gguf`."""
    match = SPLIT.search(path.name)
    if not match:
        return [path]
    stem, count = path.name[: match.start()], int(match[2])
    return [path.with_name(f"{stem}-{n:05}-of-{count:05}.gguf") for n in range(1, count + 1)]


def read_size(path: Path) -> ModelSize:
    """Read the size of a chat model.

    Raises `ModelUnusable` if the file is invalid or incomplete, or no chat model.
    """
    try:
        size = sum(part.stat().st_size for part in parts(path))
        with path.open("rb") as file:
            fields = _Reader(file).header(path.stat().st_size)
    except FileNotFoundError as exc:
        raise ModelUnusable(
            f"the file {exc.filename} does not exist", "Correct `LLAMA_GGUF`."
        ) from exc
    except OSError as exc:
        raise ModelUnusable(f"{path} cannot be read", "Check the permissions of the file.") from exc
    except (struct.error, ValueError, OverflowError, KeyError) as exc:
        raise ModelUnusable(
            f"{path.name} is damaged or incomplete",
            "Delete the file and download it again.",
        ) from exc
    if CHAT_TEMPLATE not in fields:
        # llama.cpp would guess one, and the model would answer with the marks of another.
        raise ModelUnusable(
            f"{path.name} is not a chat model: it has no chat template",
            "Set `LLAMA_GGUF` to an instruct model.",
        )
    return _model_size(fields, size)


def _model_size(fields: Mapping[str, Value], size: int) -> ModelSize:
    architecture = str(fields.get("general.architecture", ""))

    def number(name: str, default: float = 0) -> int:
        value = fields.get(f"{architecture}.{name}", default)
        return int(value) if isinstance(value, int | float) else int(default)

    layers, heads = number("block_count"), number("attention.head_count", 1) or 1
    width = number("embedding_length") // heads
    keys = number("attention.key_length", width)
    values = number("attention.value_length", width)
    kv_heads = fields.get(f"{architecture}.attention.head_count_kv", heads)
    # An array has one number per layer, 0 for layers without a KV cache. Qwen3.5 has one number
    # and says that only every n-th layer has a KV cache.
    cached_layers = layers // (number("full_attention_interval", 1) or 1)
    if isinstance(kv_heads, list):
        total_heads = sum(int(count) for count in kv_heads)
    else:
        total_heads = int(kv_heads) * cached_layers
    # llama.cpp keeps the KV cache in 16-bit floats by default.
    bytes_per_value = 2
    token_bytes = total_heads * (keys + values) * bytes_per_value
    return ModelSize(size, token_bytes, number("context_length"))


class _Reader:
    """Reads a header; raises `ValueError` or `struct.error` if it is invalid."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def header(self, size: int) -> dict[str, Value]:
        if self._file.read(4) != MAGIC:
            raise ValueError("not a GGUF file")
        version, tensors, fields = self._unpack("<IQQ")
        if version < 2 or max(tensors, fields) > MAX_ITEMS:
            raise ValueError("unsupported version or implausible size")
        values = {self._text(): self._value() for _ in range(fields)}
        last = max((self._tensor() for _ in range(tensors)), default=0)
        if self._file.tell() + last > size:
            raise ValueError("the tensors lie beyond the end of the file")
        return values

    def _tensor(self) -> int:
        """Read one entry of the tensor list; return the offset of its data."""
        self._text()
        (dimensions,) = self._unpack("<I")
        *_, offset = self._unpack(f"<{dimensions}QIQ")
        return int(offset)

    def _value(self) -> Value:
        (kind,) = self._unpack("<I")
        if kind == STRING:
            return self._text()
        if kind == ARRAY:
            return self._list()
        (number,) = self._unpack("<" + NUMBERS[kind])
        return float(number) if isinstance(number, float) else int(number)

    def _list(self) -> Value:
        kind, count = self._unpack("<IQ")
        if count > MAX_ITEMS:
            raise ValueError("an implausibly long array")
        if kind == STRING:
            texts: list[str | float] = [self._text() for _ in range(count)]
            return texts[:MAX_ARRAY_ITEMS]
        code = NUMBERS[kind]
        if count > MAX_ARRAY_ITEMS:
            self._file.seek(count * struct.calcsize(code), 1)
            return []
        return list(self._unpack(f"<{count}{code}"))

    def _text(self) -> str:
        (length,) = self._unpack("<Q")
        if length > MAX_ITEMS:
            raise ValueError("an implausibly long string")
        return self._file.read(length).decode("utf-8", "replace")

    def _unpack(self, layout: str) -> tuple[int, ...]:
        return struct.unpack(layout, self._file.read(struct.calcsize(layout)))
