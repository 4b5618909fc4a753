"""/imagine from the phone to the album and back, over real HTTP."""

import pytest

from ambrosio.demo.standin import ModelServer

from .house import OWNER, living

SDXL = "stabilityai/stable-diffusion-xl-base-1.0"


@pytest.fixture
async def painter():
    return ModelServer(flavour="together", image_model=SDXL, model="openai/gpt-oss-120b")


@pytest.fixture
async def painter_url(painter):
    async with painter.serving() as url:
        yield url


@pytest.fixture
async def house(api, telegram_url, painter_url, tmp_path):
    async with living(
        api,
        telegram_url,
        tmp_path,
        together_api_key="key",
        together_base_url=painter_url,
        ambrosio_route=("together",),
    ) as life:
        yield life


@pytest.fixture
async def anna(api):
    return api.person(OWNER).private()


@pytest.mark.usefixtures("house")
async def test_a_prompt_comes_back_as_a_photo(anna, painter, api):
    await anna.say("/imagine a red fox in the snow --seed 7")

    photo = await anna.wait_answer()

    print(api.picture())
    assert photo.photo == (1024, 1024)
    assert photo.text.startswith("a red fox in the snow\n\nSDXL at together · seed 7 · 30 steps")
    assert photo.buttons == ("Again", "Vary", "×4", "File")
    assert painter.image_requests[0].seed == 7
    assert api.violations == []
