"""Measurements of what is limit to be fast; `make bench` prints them."""
