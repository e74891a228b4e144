"""The rules by which a run decides: over values and the manifest alone, without a queue, a commit or a file.

It imports core, store.disk and store.manifest. Open `versions.py` first: how an answer becomes a version of a resource.
"""
