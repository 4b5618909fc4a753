"""One server that speaks the OpenAI API, asked through the openai SDK.

Start with `openai_compatible`. Imports `config` and `core`. Does not choose whom to ask, does not
try again elsewhere, and knows neither budgets nor chats: that is `router`.
"""
