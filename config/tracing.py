"""What the lines that a task logs are about: the task, and the request that asked for it."""

from typing import Any

from celery import signals

from monitoring import logs

HEADER = "rapport_request_id"


@signals.before_task_publish.connect
def _send_along(headers: dict[str, Any], **_: Any) -> None:
    request_id = logs.known().get("request_id")
    if request_id:
        headers[HEADER] = request_id


@signals.task_prerun.connect
def _begin(task_id: str, task: Any, **_: Any) -> None:
    if not task.request.is_eager:
        logs.forget()
        logs.know(task=task.name, task_id=task_id, request_id=getattr(task.request, HEADER, None))


@signals.task_postrun.connect
def _end(task: Any, **_: Any) -> None:
    if not task.request.is_eager:
        logs.forget()
