"""Spirit, a forum on Django, from PyPI: a dozen topics, on Django's own server."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from benchmarks.applications.building import Count, prose, run, virtual_environment
from benchmarks.applications.serving import program
from tests.transfer.servers import free_port

PYPI: Final = ("django-spirit==0.14.*",)
TOPICS: Final = 12
_SEED: Final = """
from datetime import datetime, timezone
from django.contrib.auth import get_user_model
from spirit.category.models import Category
from spirit.comment.models import Comment
from spirit.topic.models import Topic
user = get_user_model().objects.create_user("pilot", "pilot@example.org", "a long password")
category = Category.objects.create(title="Tides")
for title, text in TEXTS:
    topic = Topic.objects.create(user=user, category=category, title=title)
    for _ in range(2):
        Comment.objects.create(user=user, topic=topic, comment=text, comment_html=f"<p>{text}</p>")
then = datetime(2024, 1, 1, tzinfo=timezone.utc)
Comment.objects.update(date=then)
Topic.objects.update(date=then, last_active=then)
"""


@contextmanager
def forum() -> Iterator[tuple[str, Count]]:
    programs = virtual_environment("forum", *PYPI)
    found = {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "DJANGO_SETTINGS_MODULE": "forum.settings.dev"}
    port = free_port()
    with tempfile.TemporaryDirectory() as home:
        run(Path(home), str(programs / "spirit"), "startproject", "forum", environment=found)
        project, python = Path(home) / "forum", str(programs / "python")
        with (project / "forum" / "settings" / "dev.py").open("a") as settings:
            settings.write("LOGGING = {}\n")  # Django's own, which has a line for each request
        run(project, python, "manage.py", "spiritinstall", environment=found)
        texts = [(f"Chapter {n}", prose(n)) for n in range(TOPICS)]
        run(project, python, "manage.py", "shell", "-c", f"TEXTS = {texts!r}\n{_SEED}", environment=found)
        command = [python, "manage.py", "runserver", "--noreload", f"127.0.0.1:{port}"]
        with program(command, project, port, found) as count:
            yield f"http://127.0.0.1:{port}/", count
