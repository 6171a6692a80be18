"""One file for each queue that `peers_side_by_side.py` measures, in the environment of them all.

Each file says what `roles.Peer` asks for; nothing else knows how a queue is used.
"""
