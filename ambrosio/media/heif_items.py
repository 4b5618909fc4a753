"""Reads the items of a HEIC or AVIF file: boxes of ISO/IEC 14496-12 and 23008-12. Pure.

It knows which items there are and where their data are, not what they make together; `heif` does.
Damaged files raise `ValueError`, `struct.error`, `IndexError` or `KeyError`.
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple


class Box(NamedTuple):
    """A box: its name, and where its content is."""

    name: bytes
    start: int
    end: int


class Reference(NamedTuple):
    """What one item has to do with others: `b"dimg"` if it is made of them."""

    name: bytes
    from_id: int
    to_ids: Sequence[int]


class _Place(NamedTuple):
    """Where the data of an item are: offsets and lengths, in the file or in the box `idat`."""

    is_in_idat: bool
    extents: Sequence[tuple[int, int]]


def _boxes(content: bytes, start: int, end: int) -> Iterator[Box]:
    while start + 8 <= end:
        size, name = struct.unpack_from(">I4s", content, start)
        head = 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", content, start + 8)
            head = 16
        if size == 0:
            size = end - start
        if size < head:
            raise ValueError("a box is too short")
        yield Box(name, start + head, min(start + size, end))
        start += size


class _Numbers:
    """Reads one number after the other from a box."""

    def __init__(self, content: bytes, box: Box) -> None:
        self._content, self._position, self._end = content, box.start, box.end

    def take(self, size: int) -> int:
        """Read an unsigned number of `size` bytes; of none, it is 0."""
        start, self._position = self._position, self._position + size
        if self._position > self._end:
            raise ValueError("a box is too short")
        return int.from_bytes(self._content[start : self._position], "big")

    def take_version(self) -> tuple[int, int]:
        """Read the version and the flags that some boxes begin with."""
        return self.take(1), self.take(3)


class Items:
    """The items that the box `meta` of a file lists.

    Attributes:
        main_id: the number of the item to be shown.
        kinds: what each item is, such as `b"grid"`.
        references: in the order of the file.
    """

    def __init__(self, content: bytes) -> None:
        self.content = content
        # What follows may be cut off or of another format, so it is not looked at.
        boxes = _boxes(content, 0, len(content))
        meta = next((box for box in boxes if box.name == b"meta"), None)
        if meta is None:
            raise ValueError("no items")
        self._parts = {box.name: box for box in _boxes(content, meta.start + 4, meta.end)}
        numbers = self._numbers(b"pitm")
        version, _ = numbers.take_version()
        self.main_id = numbers.take(4 if version else 2)
        self.kinds: Mapping[int, bytes] = dict(self._read_kinds())
        self.references = list(self._read_references())
        self._places = dict(self._read_places())
        properties = {box.name: box for box in self._inside(self._parts[b"iprp"])}
        self._properties = list(self._inside(properties[b"ipco"]))
        self._owned = dict(self._read_owned(properties[b"ipma"]))

    def properties(self, item_id: int) -> list[Box]:
        """List an item's properties, in their order; 0 stands for none."""
        return [self._properties[index - 1] for index in self._owned.get(item_id, ()) if index]

    def data(self, item_id: int) -> memoryview:
        """Return an item's data, which may be spread over the file."""
        place = self._places[item_id]
        idat = self._parts[b"idat"] if place.is_in_idat else Box(b"", 0, len(self.content))
        pieces = []
        for offset, length in place.extents:
            start = idat.start + offset
            end = start + length if length else idat.end
            if not start < end <= idat.end:
                raise ValueError("the data are not there")
            pieces.append(memoryview(self.content)[start:end])
        return pieces[0] if len(pieces) == 1 else memoryview(b"".join(pieces))

    def _numbers(self, name: bytes) -> _Numbers:
        return _Numbers(self.content, self._parts[name])

    def _inside(self, box: Box, skip: int = 0) -> Iterator[Box]:
        return _boxes(self.content, box.start + skip, box.end)

    def _read_kinds(self) -> Iterator[tuple[int, bytes]]:
        version, _ = self._numbers(b"iinf").take_version()
        for box in self._inside(self._parts[b"iinf"], 8 if version else 6):
            numbers = _Numbers(self.content, box)
            version, _ = numbers.take_version()
            item_id = numbers.take(4 if version > 2 else 2)
            # Which key protects it comes before what it is.
            numbers.take(2)
            yield item_id, numbers.take(4).to_bytes(4, "big")

    def _read_references(self) -> Iterator[Reference]:
        if b"iref" not in self._parts:
            return
        version, _ = self._numbers(b"iref").take_version()
        size = 4 if version else 2
        for box in self._inside(self._parts[b"iref"], 4):
            numbers = _Numbers(self.content, box)
            from_id, count = numbers.take(size), numbers.take(2)
            yield Reference(box.name, from_id, [numbers.take(size) for _ in range(count)])

    def _read_places(self) -> Iterator[tuple[int, _Place]]:
        numbers = self._numbers(b"iloc")
        version, _ = numbers.take_version()
        sizes = numbers.take(2)
        of_offset, of_length, of_base, of_index = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
        of_number = 4 if version > 1 else 2
        for _ in range(numbers.take(of_number)):
            item_id = numbers.take(of_number)
            method = numbers.take(2) & 15 if version else 0
            # In which other file the data are: only ours, which is 0, is read.
            numbers.take(2)
            base = numbers.take(of_base)
            extents = []
            for _ in range(numbers.take(2)):
                numbers.take(of_index if version else 0)
                extents.append((base + numbers.take(of_offset), numbers.take(of_length)))
            yield item_id, _Place(method == 1, extents)

    def _read_owned(self, box: Box) -> Iterator[tuple[int, list[int]]]:
        numbers = _Numbers(self.content, box)
        version, flags = numbers.take_version()
        size = 2 if flags & 1 else 1
        for _ in range(numbers.take(4)):
            item_id, count = numbers.take(4 if version else 2), numbers.take(1)
            # The highest bit says whether a reader must know the property.
            yield (
                item_id,
                [numbers.take(size) & (0x7FFF if size == 2 else 0x7F) for _ in range(count)],
            )
