"""The agent: unlock once, search often, lock for real.

A supervisor that holds no key keeps one worker process per unlocked class, which holds that class's keys and
index, and one for the local model, which holds no key. Locking kills the worker. `docs/agent.md` has the protocol.
"""
