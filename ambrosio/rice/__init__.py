"""The rice test: does a model give the short answer that was wanted?

Named after the question by which it all began: "vv jasmin or basmati rice with falafel?" Questions
with checks that a program can make are asked of every model as a real turn would ask them, and what
comes back is counted, timed and laid side by side.
"""
