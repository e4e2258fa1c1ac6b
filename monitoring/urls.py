"""Routes of monitoring."""

from django.urls import path

from monitoring.views import health, jobs

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("jobs/<uuid:pk>/", jobs.job_detail, name="job"),
    path("jobs/<uuid:pk>/pause", jobs.job_pause, name="job-pause"),
    path("jobs/<uuid:pk>/resume", jobs.job_resume, name="job-resume"),
    path("jobs/<uuid:pk>/cancel", jobs.job_cancel, name="job-cancel"),
    path("jobs/<uuid:pk>/files/<uuid:file>", jobs.job_file, name="job-file"),
]
