"""A vision model in the real llama.cpp: its projector is found and fitted, a picture read once."""

import pytest

from ambrosio.core.context_window import PastTurn, count_picture_tokens
from ambrosio.core.messages import AnswerFinished, PicturePart
from ambrosio.llama import projector
from ambrosio.llama.gguf import ModelSize
from ambrosio.llama.sizing import Resources, fits_projector, plan_params

from ..support.fake_huggingface import FakeHuggingFace
from ..support.gguf_model import REPLY, make
from ..support.media_files import kind_and_size, picture
from ..support.running_llama import running_llama, words
from ..support.vision_model import make_vision, write_projector

GB, MB = 1_000_000_000, 1_000_000
QWEN = ("mmproj-F16.gguf", "mmproj-BF16.gguf", "mmproj-F32.gguf", "README.md")
GGML = ("mmproj-Qwen3-VL-2B-F16.gguf", "mmproj-Qwen3-VL-2B-Q8_0.gguf")
PICTURES = {"cat": picture("jpeg", 640, 480), "dog": picture("jpeg", 320, 240)}
SIDES = {"cat": (640, 480), "dog": (320, 240)}
REPO = "somebody/tiny-GGUF"


def part(name):
    return PicturePart(name, *SIDES[name])


@pytest.fixture(scope="module")
def seeing_model(tmp_path_factory):
    return make_vision(tmp_path_factory.mktemp("vision"))


@pytest.mark.parametrize(
    ("names", "model", "chosen"),
    [
        (QWEN, "Qwen3.5-4B-Q4_K_M.gguf", "mmproj-BF16.gguf"),
        (QWEN, "Qwen3.5-4B-F32.gguf", "mmproj-F32.gguf"),
        (GGML, "Qwen3-VL-2B-Q4_K_M.gguf", "mmproj-Qwen3-VL-2B-Q8_0.gguf"),
        (GGML, "Qwen3-VL-2B-F16.gguf", "mmproj-Qwen3-VL-2B-F16.gguf"),
        (("m.BF16-mmproj.gguf",), "m.Q5_K_M.gguf", "m.BF16-mmproj.gguf"),
        (("mmproj-F16.gguf",), "big/m-Q6_K-00001-of-00002.gguf", "mmproj-F16.gguf"),
        (("mmproj-F16.gguf", "big/mmproj-F32.gguf"), "big/m-Q4_0.gguf", "big/mmproj-F32.gguf"),
        (("other/mmproj-F16.gguf",), "big/m-Q4_0.gguf", ""),
        (("MMPROJ-model-f16.gguf",), "m-Q4_0.gguf", "MMPROJ-model-f16.gguf"),
        (("mmproj-F16.safetensors", "m-Q8_0.gguf"), "m-Q4_0.gguf", ""),
        ((), "m-Q4_0.gguf", ""),
    ],
)
def test_a_projector_is_chosen_as_llama_cpp_does(names, model, chosen):
    assert projector.choose(names, model) == chosen


@pytest.mark.parametrize(
    ("names", "model", "found"),
    [
        (["m-Q4_0.gguf", "mmproj-F16.gguf"], "m-Q4_0.gguf", "mmproj-F16.gguf"),
        (["m-Q4_0.gguf", "m-Q8_0.gguf", "mmproj-m-F16.gguf"], "m-Q8_0.gguf", "mmproj-m-F16.gguf"),
        (
            ["Q-4B-Q4_K_M.gguf", "g.gguf", "mmproj-Q-4B-F16.gguf"],
            "Q-4B-Q4_0.gguf",
            "mmproj-Q-4B-F16.gguf",
        ),
        (["Q-4B-Q4_K_M.gguf", "g-Q4_0.gguf", "mmproj-g-F16.gguf"], "Q-4B-Q4_K_M.gguf", ""),
        (["a-Q4_0.gguf", "b-Q4_0.gguf", "mmproj-F16.gguf"], "a-Q4_0.gguf", ""),
        (["m-Q4_0.gguf"], "m-Q4_0.gguf", ""),
    ],
)
def test_beside_a_file_of_ones_own_they_are_found(tmp_path, names, model, found):
    for name in names:
        (tmp_path / name).touch()

    path = projector.find_beside(tmp_path / model)

    assert (path.name if path else "") == found


@pytest.mark.parametrize(
    ("free", "fits"), [(16 * GB, True), (7 * GB, True), (5 * GB, True), (4 * GB, False)]
)
def test_a_projector_is_fetched_where_there_is_room_for_it(free, fits):
    """About Qwen3.5-4B in Q4_K_M, and its projector in F16."""
    size, projector_bytes = ModelSize(2_710 * MB, 147_456, 262_144), 652 * MB
    machine = Resources(4, free, free)

    assert fits_projector(size, projector_bytes, machine) == fits
    if fits:
        without = plan_params(size, machine)
        plan = plan_params(size, machine, projector_bytes=projector_bytes)
        assert 4_096 <= plan.context <= without.context
        context = plan.context * size.token_bytes
        assert size.weights_bytes + projector_bytes + context + (plan.cache_mib << 20) < free


async def test_a_picture_is_seen_counted_and_read_only_once(seeing_model, tmp_path):
    async with running_llama(seeing_model, tmp_path, context=8192) as llama:
        llama.provider.read_picture = PICTURES.__getitem__
        await llama.ready()
        first = await llama.ask("tell about rice", pictures=(part("cat"),))
        past = PastTurn(1, "tell about rice", words(first), pictures=(part("cat"),))
        then = await llama.ask("question number two", past)
        second = await llama.ask("question number three", past, pictures=(part("dog"),))
        sees, profile = await llama.provider.sees(), await llama.provider.profile()
    ends = [event for event in (*first, *then, *second) if isinstance(event, AnswerFinished)]
    usages = [end.usage for end in ends if end.usage]
    read = [usage.prompt - usage.cached for usage in usages]

    assert words(first).strip() == words(then).strip() == REPLY
    assert sees
    assert count_picture_tokens(part("cat"), profile) == 256 + 18
    # The system prompt was read when it started; the picture is shrunk to at most 256 tokens.
    assert 150 < read[0] < 256 + 18 + 40
    assert read[1] < 40
    assert read[1] <= 0.1 * usages[1].prompt
    assert 80 <= read[2] < 98 + 40


async def test_a_projector_comes_with_the_model_and_then_needs_no_network(
    seeing_model, tmp_path, monkeypatch
):
    files = {path.name: path.read_bytes() for path in seeing_model.parent.glob("*.gguf")}
    hub = FakeHuggingFace({REPO: {**files, "README.md": b""}})
    async with hub.serving() as url:
        monkeypatch.setenv("HF_ENDPOINT", url)
        async with running_llama(REPO, tmp_path) as llama:
            await llama.ready()
            assert await llama.provider.sees()
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    async with running_llama(REPO, tmp_path) as llama:
        await llama.ready()
        assert await llama.provider.sees()

    assert (tmp_path / "models" / REPO / "mmproj-tiny-F16.gguf").exists()


@pytest.mark.parametrize("why", ["another model's", "damaged", "not wanted"])
async def test_without_a_projector_that_fits_it_still_answers(tmp_path, why):
    folder = tmp_path / "own"
    folder.mkdir()
    if why == "another model's":
        model = make(folder / "tiny-F16.gguf")
        write_projector(folder / "mmproj-tiny-F16.gguf", width=128)
    else:
        model = make_vision(folder)
    if why == "damaged":
        damaged = folder / "mmproj-tiny-F16.gguf"
        damaged.write_bytes(damaged.read_bytes()[:5000])
    given = {"image_tokens": 0} if why == "not wanted" else {}
    async with running_llama(model, tmp_path, **given) as llama:
        await llama.ready()
        parts = await llama.ask("tell about rice")

        assert words(parts).strip() == REPLY
        assert not await llama.provider.sees()
        assert llama.server.starts == 1


def test_the_pictures_of_these_tests_are_what_they_say():
    for name, content in PICTURES.items():
        assert kind_and_size(content) == ("JPEG", SIDES[name])
