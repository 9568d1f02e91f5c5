"""The first contact with a card: `python -m benchmarks.gpu --first-contact`.

Each step of the table in `steps` is a module here and runs in a process of its own, killed at its
limit, so that none of them can take the others with it. A module has

    found(asked, **options) -> Iterator[dict]      what it found, a dictionary a thing

where a thing that is wrong has `agrees` false or says what it `raised`, and one that can't be had
here says why in `could_not`. What was found is kept as it comes: of a step that hangs or dies, all
until then.
"""
