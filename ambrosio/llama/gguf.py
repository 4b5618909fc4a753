"""Reading the header of a GGUF file: what model it holds and how much memory a token of it takes.

Only what `sizing` asks for, and whether the file is whole. The tensors are llama.cpp's business.
"""

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from .errors import ModelUnusable

MAGIC = b"GGUF"
# The types a value may have; strings and lists are read apart.
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
STRING, LIST = 8, 9
# A broken file may promise anything; no real header comes near this.
MAX_ITEMS = 50_000_000
# Vocabularies are walked over and not kept.
MAX_KEPT = 1024
SPLIT = re.compile(r"-(\d{5})-of-(\d{5})\.gguf$")

Value = str | float | list[str | float]


@dataclass(frozen=True, slots=True)
class ModelSize:
    """What a model weighs: its file, and every token that it keeps in mind."""

    weights_bytes: int
    token_bytes: int
    trained_context: int


def parts(path: Path) -> list[Path]:
    """List the files of a model; large ones come in several, each naming how many there are."""
    found = SPLIT.search(path.name)
    if not found:
        return [path]
    stem, count = path.name[: found.start()], int(found[2])
    return [path.with_name(f"{stem}-{n:05}-of-{count:05}.gguf") for n in range(1, count + 1)]


def read_size(path: Path) -> ModelSize:
    """Read what a model is, or raise `ModelUnusable` when the file is none, or not whole."""
    try:
        size = sum(part.stat().st_size for part in parts(path))
        with path.open("rb") as file:
            fields = _Reader(file).header(path.stat().st_size)
    except FileNotFoundError as exc:
        raise ModelUnusable(f"there is no file {exc.filename}", "Correct `LLAMA_GGUF`.") from exc
    except OSError as exc:
        raise ModelUnusable(f"{path} cannot be read", "Check the rights of the file.") from exc
    except (struct.error, ValueError, OverflowError, KeyError) as exc:
        raise ModelUnusable(
            f"{path.name} is damaged or was not downloaded to its end",
            "Delete the file and get it again.",
        ) from exc
    return _model_size(fields, size)


def _model_size(fields: Mapping[str, Value], size: int) -> ModelSize:
    architecture = str(fields.get("general.architecture", ""))

    def number(name: str, otherwise: float = 0) -> int:
        value = fields.get(f"{architecture}.{name}", otherwise)
        return int(value) if isinstance(value, int | float) else int(otherwise)

    layers, heads = number("block_count"), number("attention.head_count", 1) or 1
    width = number("embedding_length") // heads
    keys = number("attention.key_length", width)
    values = number("attention.value_length", width)
    each = fields.get(f"{architecture}.attention.head_count_kv", heads)
    # A list has one number for each layer; those with none keep no tokens in mind. Qwen3.5 says
    # instead how many layers there are to one that does.
    keeping = layers // (number("full_attention_interval", 1) or 1)
    in_all = sum(int(one) for one in each) if isinstance(each, list) else int(each) * keeping
    two_bytes = 2
    return ModelSize(size, in_all * (keys + values) * two_bytes, number("context_length"))


class _Reader:
    """Walks through a header; raises `ValueError` or `struct.error` when it makes no sense."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def header(self, size: int) -> dict[str, Value]:
        if self._file.read(4) != MAGIC:
            raise ValueError("no GGUF")
        version, tensors, fields = self._unpack("<IQQ")
        if version < 2 or max(tensors, fields) > MAX_ITEMS:
            raise ValueError("no version or size that is in use")
        found = {self._text(): self._value() for _ in range(fields)}
        last = max((self._tensor() for _ in range(tensors)), default=0)
        if self._file.tell() + last > size:
            raise ValueError("the tensors end behind the file")
        return found

    def _tensor(self) -> int:
        """Read one entry of the list of tensors; give where its data begins."""
        self._text()
        (dimensions,) = self._unpack("<I")
        *_, offset = self._unpack(f"<{dimensions}QIQ")
        return int(offset)

    def _value(self) -> Value:
        (kind,) = self._unpack("<I")
        if kind == STRING:
            return self._text()
        if kind == LIST:
            return self._list()
        (number,) = self._unpack("<" + NUMBERS[kind])
        return float(number) if isinstance(number, float) else int(number)

    def _list(self) -> Value:
        kind, count = self._unpack("<IQ")
        if count > MAX_ITEMS:
            raise ValueError("a list without end")
        if kind == STRING:
            texts: list[str | float] = [self._text() for _ in range(count)]
            return texts[:MAX_KEPT]
        code = NUMBERS[kind]
        if count > MAX_KEPT:
            self._file.seek(count * struct.calcsize(code), 1)
            return []
        return list(self._unpack(f"<{count}{code}"))

    def _text(self) -> str:
        (length,) = self._unpack("<Q")
        if length > MAX_ITEMS:
            raise ValueError("a text without end")
        return self._file.read(length).decode("utf-8", "replace")

    def _unpack(self, layout: str) -> tuple[int, ...]:
        return struct.unpack(layout, self._file.read(struct.calcsize(layout)))
