"""What `laneway profile` does inside the program that it measures.

`hook/sitecustomize.py` is how it gets there; `session.py` measures, `loops.py` and `endpoints.py`
attach it to event loops and to ASGI servers.
"""
