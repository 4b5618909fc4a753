"""The models that the page offers to download, and which of them fit this machine."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from ..emulators import Json
from ..llama import download, sizing
from ..llama.errors import format_bytes

NO_LLAMA = (
    "Running a model here needs llama.cpp, which is not installed: add the package `xllamacpp`, as "
    "the terminal says, and start the demo again."
)


@dataclass(frozen=True, slots=True)
class OfferedModel:
    """A model worth offering; its download size and the free memory it needs are in MB."""

    reference: str
    label: str
    summary: str
    size_mb: int
    memory_mb: int
    licence: str = "Apache-2.0"

    @property
    def page(self) -> str:
        """The URL of its web page."""
        return f"{download.HUB}/{self.reference.partition(':')[0]}"


# Smallest first. The sizes are about right; the download itself goes by what the server says.
MODELS = (
    OfferedModel(
        "unsloth/Qwen3.5-0.8B-GGUF:Q4_K_M",
        "Qwen3.5 0.8B",
        "Quick, for simple questions",
        size_mb=530,
        memory_mb=1_300,
    ),
    OfferedModel(
        "LiquidAI/LFM2.5-1.2B-Instruct-GGUF:Q4_K_M",
        "LFM2.5 1.2B",
        "Quick and fluent",
        size_mb=730,
        memory_mb=1_600,
        licence="LFM Open",
    ),
    OfferedModel(
        "unsloth/Qwen3.5-2B-GGUF:Q4_K_M",
        "Qwen3.5 2B",
        "Good everyday answers",
        size_mb=1_280,
        memory_mb=2_500,
    ),
    OfferedModel(
        "unsloth/Qwen3.5-4B-GGUF:Q4_K_M",
        "Qwen3.5 4B",
        "The best of these, and the slowest",
        size_mb=2_710,
        memory_mb=5_000,
    ),
)


def find_offer(reference: object) -> OfferedModel | None:
    """Return an offered model by its reference."""
    return next((model for model in MODELS if model.reference == reference), None)


def find_downloaded_offer(models_dir: Path) -> str:
    """Return the reference of the best downloaded model that fits, "" for none."""
    if find_spec("xllamacpp") is None:
        return ""
    free = sizing.measure_resources().free_bytes
    for model in reversed(MODELS):
        fits = model.memory_mb * sizing.MB <= free
        if fits and download.find_downloaded(model.reference, models_dir):
            return model.reference
    return ""


def list_offers(models_dir: Path) -> Json:
    """Describe the offered models for the page, with those that fit the free memory marked."""
    if find_spec("xllamacpp") is None:
        return {"models": [], "free": "", "unavailable": NO_LLAMA}
    free = sizing.measure_resources().free_bytes
    fitting = [model for model in MODELS if model.memory_mb * sizing.MB <= free]
    return {
        "models": [
            {
                "reference": model.reference,
                "label": model.label,
                "summary": model.summary,
                "size": format_bytes(model.size_mb * sizing.MB),
                "memory": format_bytes(model.memory_mb * sizing.MB),
                "licence": model.licence,
                "page": model.page,
                "fits": model in fitting,
                "best": model is fitting[-1] if fitting else False,
                "downloaded": download.find_downloaded(model.reference, models_dir) is not None,
            }
            for model in MODELS
        ],
        "free": format_bytes(free),
        "unavailable": "",
    }
