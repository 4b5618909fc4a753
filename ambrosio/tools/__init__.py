"""What a model may call while it answers: the calculator, reminders, the past, memory.

Start with `toolbox`, which says which tools a turn has and runs a call; `tool` is what a tool is,
`registry` the table of all of them. Imports `router` and what lies below. A tool sends nothing to a
chat and writes nothing into the store.
"""
