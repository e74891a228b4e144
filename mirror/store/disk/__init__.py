"""Files: objects by SHA-256, the browsable tree, downloads in progress, the lock, and syncing to the disk.

Modules here may import `core` only; they do not know the manifest. None of them writes through a symbolic
link (`symlink_guard.py`). Callers turn `OSError` into `StorageError` with `errors.storing`.

Open `objects.py` first, then `publisher.py`, which makes files of the tree from objects. `object_store.py` has the interface to
implement if objects are to be kept elsewhere.
"""
