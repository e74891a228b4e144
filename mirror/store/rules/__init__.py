"""The rules that a run decides by: functions of values and the manifest, without a queue, a commit or a file.

Modules here may import `core`, `store.disk` and `store.manifest`.

Open `answer_versions.py` first: how an answer becomes a version of a resource.
"""
