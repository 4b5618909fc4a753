"""The rice test: which models give a short answer when asked for one?

Start with `runner`. `questions` and `checks` say what is asked and what a good answer is,
`sampler` asks, `statistics` and `report` sum up. May import `router` and everything below it;
knows neither Telegram nor the terminal. Named after the first question: "vv jasmin or basmati
rice with falafel?"
"""
