"""What every page knows: the school."""

from django.http import HttpRequest

from accounts.models import School


def school(request: HttpRequest) -> dict[str, School]:
    """The school of this installation under the name `school`."""
    return {"school": School.current()}
