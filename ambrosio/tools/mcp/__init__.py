"""Tools of MCP servers (Model Context Protocol) that the owner has set up and allowed.

Start with `server`, one server with both eras of the protocol; `protocol` is what is said, `stdio`
and `http` are the two ways to say it, `tool` makes a `Tool` of what a server offers. By hand, since
the SDK takes 35 MB in the bot. Leaves out OAuth, prompts, resources, sampling and elicitation.
"""
