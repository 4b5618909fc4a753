from ambrosio.demo.standin import ModelServer, Says

from .house import OWNER, living


async def test_a_message_from_the_phone_is_answered(api, telegram_url, tmp_path):
    model = ModelServer()
    anna = api.person(OWNER).private()
    async with model.serving() as url, living(api, telegram_url, tmp_path, llama_base_url=url):
        model.script(Says("**Basmati.**"))
        await anna.say("vv jasmin or basmati rice with falafel?")

        answer = await anna.wait_answer()

    assert answer.text == "Basmati."
    assert [each.type for each in answer.entities] == ["bold"]
    assert answer.buttons == ("Longer",)
    assert model.requests[0].question == "vv jasmin or basmati rice with falafel?"
    assert anna.rings == ["Basmati."]
    assert api.violations == []
