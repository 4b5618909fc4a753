"""Decodes and encodes sound with PyAV (FFmpeg); the child's only.

The kind of a file is found out here, by its first bytes. FFmpeg's own guess is not used: it would
also follow playlists, which lead to other files and servers.
"""

import io
import re
import wave
from collections.abc import Iterator

import av
import av.error
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer

from ..core.file_errors import AudioTooLong, DamagedFile, FileTooDemanding, NoSound, UnsupportedFile
from .cutting import BYTES_PER_SECOND, RATE, Piece, PieceCutter
from .protocol import MAX_FRAME_BYTES, Job, pack

READABLE = "OGG, MP3, M4A, WAV, FLAC, MP4 and WebM recordings"
MAX_MINUTES = 120
OPUS_RATE = 48_000
OPUS_BITS_PER_SECOND = 32_000
# 20 ms, the usual length of an Opus frame.
OPUS_FRAME_SAMPLES = 960
# The first bytes of a file, and the name of FFmpeg's demuxer for it.
SIGNATURES = (
    (rb"OggS", "ogg"),
    (rb"RIFF....WAVE", "wav"),
    (rb"RF64....WAVE", "wav"),
    (rb"fLaC", "flac"),
    (rb"....ftyp", "mov"),
    (rb"\x1aE\xdf\xa3", "matroska"),
    (rb"#!AMR", "amr"),
    (rb"FORM....AIF[FC]", "aiff"),
    (rb"caff", "caf"),
    (rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "asf"),
    (rb"ID3", "mp3"),
    (rb"\xff[\xf0\xf1\xf8\xf9]", "aac"),
    (rb"\xff[\xe2-\xe7\xf2-\xf7\xfa-\xff]", "mp3"),
)


def cut_audio(job: Job) -> Iterator[bytes]:
    """Yield a frame for each piece of a recording."""
    with _open(job.content) as container:
        total_seconds = (container.duration or 0) / av.time_base
        if total_seconds > MAX_MINUTES * 60:
            raise AudioTooLong(MAX_MINUTES)
        cutter = PieceCutter()
        for samples in _decode(container, RATE):
            for piece in cutter.feed(samples):
                yield _pack_piece(piece, total_seconds)
            if cutter.seconds > MAX_MINUTES * 60:
                raise AudioTooLong(MAX_MINUTES)
        if not cutter.seconds:
            raise DamagedFile
        for piece in cutter.end():
            yield _pack_piece(piece, total_seconds)


def encode_voice(job: Job) -> Iterator[bytes]:
    """Yield the frame with a voice note."""
    file, encoded = io.BytesIO(), 0
    with _open(job.content) as container, av.open(file, "w", format="ogg") as output:
        stream = output.add_stream("libopus", rate=OPUS_RATE, options={"application": "voip"})
        stream.layout = "mono"
        stream.bit_rate = OPUS_BITS_PER_SECOND
        for frame in _resample(container, OPUS_RATE, OPUS_FRAME_SAMPLES):
            encoded += frame.samples
            if encoded > MAX_MINUTES * 60 * OPUS_RATE or file.tell() > MAX_FRAME_BYTES:
                raise AudioTooLong(MAX_MINUTES)
            output.mux(stream.encode(frame))
        if not encoded:
            raise DamagedFile
        output.mux(stream.encode(None))
    yield pack({"kind": "voice", "seconds": encoded / OPUS_RATE}, file.getvalue())


def _open(content: bytes) -> InputContainer:
    demuxer = next((name for start, name in SIGNATURES if re.match(start, content, re.DOTALL)), "")
    if not demuxer:
        raise UnsupportedFile(READABLE)
    try:
        return av.open(io.BytesIO(content), "r", format=demuxer, metadata_errors="replace")
    except av.error.MemoryError as exc:
        raise FileTooDemanding from exc
    except av.error.FFmpegError as exc:
        raise DamagedFile from exc


def _decode(container: InputContainer, rate: int) -> Iterator[bytes]:
    for frame in _resample(container, rate, 0):
        yield bytes(frame.planes[0])[: frame.samples * 2]


def _resample(container: InputContainer, rate: int, frame_samples: int) -> Iterator[AudioFrame]:
    resampler = av.AudioResampler("s16", "mono", rate, frame_samples or None)
    try:
        for frame in _decoded_frames(container):
            # Gaps and jumps in the time stamps are no reason to refuse a recording.
            frame.pts = None
            yield from resampler.resample(frame)
        yield from resampler.resample(None)
    except av.error.MemoryError as exc:
        raise FileTooDemanding from exc
    except av.error.FFmpegError as exc:
        raise DamagedFile from exc


def _decoded_frames(container: InputContainer) -> Iterator[AudioFrame]:
    if not container.streams.audio:
        raise NoSound
    stream: AudioStream = container.streams.audio[0]
    stream.codec_context.thread_count = 1
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except av.error.InvalidDataError:
            # The file ends in the middle; what came before is good.
            return
        if packet is None:
            return
        try:
            yield from packet.decode()
        except av.error.InvalidDataError:
            # One that is damaged; MP3 files often begin with one.
            continue


def _pack_piece(piece: Piece, total_seconds: float) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(RATE)
        wav.writeframes(piece.samples)
    fields = {
        "kind": "piece",
        "start_seconds": round(piece.start_seconds, 3),
        "seconds": round(len(piece.samples) / BYTES_PER_SECOND, 3),
        "total_seconds": round(total_seconds, 3),
        "is_silent": piece.is_silent,
    }
    return pack(fields, file.getvalue())
