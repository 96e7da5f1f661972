"""Number figures and exercises from 1 in every chapter.

Chapters have no numbers and arrive in several steps; counted through the book, an exercise would
change its number whenever a chapter is added before it.
"""


def restart(app, env):
    """Renumber what Sphinx counted through the book; runs after its own count."""
    for kinds in env.toc_fignumbers.values():
        for kind, numbers in kinds.items():
            ordered = sorted(numbers, key=numbers.get)
            kinds[kind] = {name: (count,) for count, name in enumerate(ordered, 1)}
    return []


def setup(app):
    """Register with Sphinx."""
    app.connect("env-get-updated", restart, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
