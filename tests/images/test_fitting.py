"""What each image model can do, and a wish brought to the nearest of it."""

from decimal import Decimal

import pytest

from ambrosio.config.image_models import (
    IMAGE_MODELS,
    ImageModelConfig,
    find_by_name,
    look_up_image_model,
    price,
)
from ambrosio.core.images import ImagePrompt
from ambrosio.images.fitting import describe_dropped, fit
from ambrosio.images.options import parse

SDXL = "stabilityai/stable-diffusion-xl-base-1.0"
SCHNELL = "black-forest-labs/FLUX.1-schnell"
PRO = "black-forest-labs/FLUX.2-pro"
IMAGEN = "google/imagen-4.0-fast"
GPT = "gpt-image-1"


def fitted(typed, model, seeds=(7,)):
    wish = parse(typed)
    assert isinstance(wish, ImagePrompt)
    return fit(wish, seeds, model, look_up_image_model(model, {}))


SHAPES = [
    ("a fox", SDXL, (1024, 1024, ""), ()),
    ("a fox --ar 16:9", SDXL, (1368, 768, ""), ()),
    ("a fox --ar 9:16", SDXL, (768, 1368, ""), ()),
    ("a fox --size 1024x768", SDXL, (1024, 768, ""), ()),
    ("a fox --size 1023x765", SDXL, (1024, 768, ""), ("1024×768 instead of 1023×765",)),
    ("a fox --size 4096x2048", SDXL, (1920, 960, ""), ("1920×960 instead of 4096×2048",)),
    ("a fox --size 64x128", SDXL, (256, 512, ""), ("256×512 instead of 64×128",)),
    ("a fox --ar 20:1", SDXL, (1920, 256, ""), ("1920×256 instead of 20:1",)),
    ("a fox --ar 16:9", SCHNELL, (1368, 768, "16:9"), ()),
    ("a fox --size 1600x900", SCHNELL, (1368, 768, "16:9"), ("16:9 instead of 1600×900",)),
    ("a fox --ar 21:9", IMAGEN, (1368, 768, "16:9"), ("16:9 instead of 21:9",)),
    ("a fox --ar 3:2", GPT, (1536, 1024, ""), ()),
    ("a fox --ar 16:9", GPT, (1536, 1024, ""), ("1536×1024 instead of 16:9",)),
]
STEPS = [
    ("a fox", SDXL, 30, ()),
    ("a fox --steps 50", SDXL, 50, ()),
    ("a fox --steps 50", SCHNELL, 12, ("12 steps instead of 50",)),
    ("a fox", SCHNELL, 4, ()),
    ("a fox", PRO, 0, ()),
    ("a fox --steps 20", PRO, 0, ("without --steps, which this model does not take",)),
]
OTHERS = [
    ('a fox --no "text"', PRO, ("without --no, which this model does not know",)),
    ('a fox --no "text"', SDXL, ()),
    ("a fox --seed 5", IMAGEN, ("without --seed, which this model does not take",)),
    ("a" * 4050, "dall-e-3", ("prompt cut at 4000 characters",)),
]


@pytest.mark.parametrize(("typed", "model", "shape", "changes"), SHAPES)
def test_a_shape_is_brought_to_the_nearest_a_model_can_do(typed, model, shape, changes):
    found = fitted(typed, model)

    [request] = found.requests
    assert (request.width, request.height, request.ratio) == shape
    assert found.changes == changes


@pytest.mark.parametrize(("typed", "model", "steps", "changes"), STEPS)
def test_steps_are_kept_within_what_a_model_takes(typed, model, steps, changes):
    found = fitted(typed, model)

    assert found.requests[0].steps == steps
    assert found.changes == changes


@pytest.mark.parametrize(("typed", "model", "changes"), OTHERS)
def test_what_a_model_does_not_know_is_left_out_and_told(typed, model, changes):
    assert fitted(typed, model).changes == changes


def test_each_seed_gets_a_request_of_its_own():
    found = fitted("a fox --n 4", SDXL, (7, 8, 9, 10))

    assert [(each.seed, each.count) for each in found.requests] == [(7, 1), (8, 1), (9, 1), (10, 1)]


def test_seeds_that_count_up_share_a_request_where_that_is_sure():
    row = ImageModelConfig(max_count=3)

    found = fit(ImagePrompt("a fox"), (7, 8, 9, 10, 20), "m", row)

    assert [(each.seed, each.count) for each in found.requests] == [(7, 3), (10, 1), (20, 1)]


def test_a_model_without_seeds_gives_as_many_as_it_can_at_once():
    found = fitted("a fox --n 4", GPT, (7, 8, 9, 10))

    assert [(each.seed, each.count) for each in found.requests] == [(None, 4)]


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("sdxl", SDXL),
        ("SD-XL", SDXL),
        ("flux", "black-forest-labs/FLUX.2-dev"),
        ("flux schnell", SCHNELL),
        ("FLUX.2-pro", PRO),
        (PRO, PRO),
        ("nobody", ""),
    ],
)
def test_a_model_is_found_by_what_people_call_it(name, model):
    assert find_by_name(name, {}) == model


def test_a_row_of_the_settings_overrules_the_table():
    rows = {SDXL: ImageModelConfig(name="mine", max_steps=10)}

    assert look_up_image_model(SDXL, rows).max_steps == 10
    assert find_by_name("mine", rows) == SDXL


@pytest.mark.parametrize(
    ("model", "steps", "usd"),
    [
        (SDXL, 30, "0.0019"),
        (SCHNELL, 4, "0.0027"),
        (SCHNELL, 8, "0.0054"),
        (PRO, 0, "0.03"),
        ("Lykon/DreamShaper", 20, None),
    ],
)
def test_a_picture_has_the_price_of_the_list(model, steps, usd):
    found = price(look_up_image_model(model, {}), width=1000, height=1000, steps=steps)

    assert found == (None if usd is None else Decimal(usd))


def test_only_what_was_asked_for_is_told_as_refused():
    assert describe_dropped(ImagePrompt("a fox"), {"steps", "seed"}) == ()
    assert describe_dropped(ImagePrompt("a fox", steps=5), {"steps", "seed"}) == (
        "without --steps, which this model refused",
    )


def test_all_rows_of_the_table_are_sound():
    for model in IMAGE_MODELS:
        row = look_up_image_model(model, {})
        assert row.min_side <= row.width <= row.max_side
        assert row.steps <= row.max_steps
