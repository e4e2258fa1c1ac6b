"""Routes of monitoring."""

from django.contrib import admin
from django.urls import path

from monitoring.views import dashboard, health, jobs, metrics

staff = admin.site.admin_view

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("metrics", metrics.metrics, name="metrics"),
    path("readyz", health.readyz, name="readyz"),
    path("admin/dashboard/part", staff(dashboard.part), name="dashboard-part"),
    path("admin/dashboard/costs.csv", staff(dashboard.cost_sheet), {"ending": "csv"}, name="dashboard-costs-csv"),
    path("admin/dashboard/costs.json", staff(dashboard.cost_sheet), {"ending": "json"}, name="dashboard-costs-json"),
    path("admin/dashboard/runbook/<slug:kind>", staff(dashboard.runbook_section), name="dashboard-runbook"),
    path("admin/dashboard/alerts/<uuid:pk>/seen", staff(dashboard.alert_seen_to), name="dashboard-alert"),
    path("admin/dashboard/errors/<path:kind>/seen", staff(dashboard.error_seen_to), name="dashboard-error"),
    path("admin/dashboard/<slug:panel>.json", staff(dashboard.panel_json), name="dashboard-json"),
    path("admin/dashboard/<slug:panel>/<slug:table>.csv", staff(dashboard.panel_csv), name="dashboard-csv"),
    path("jobs/<uuid:pk>/", jobs.job_detail, name="job"),
    path("jobs/<uuid:pk>/pause", jobs.job_pause, name="job-pause"),
    path("jobs/<uuid:pk>/resume", jobs.job_resume, name="job-resume"),
    path("jobs/<uuid:pk>/cancel", jobs.job_cancel, name="job-cancel"),
    path("jobs/<uuid:pk>/files/<uuid:file>", jobs.job_file, name="job-file"),
]
