"""Routes of clients."""

from django.urls import path

from clients.views import actions, library, profile, prompt, tryouts, tutors

urlpatterns = [
    path("clients/", library.client_list, name="client-list"),
    path("clients/new/", profile.client_new, name="client-new"),
    path("clients/<uuid:pk>/", profile.client_detail, name="client-detail"),
    path("clients/<uuid:pk>/edit/", profile.client_edit, name="client-edit"),
    path("clients/<uuid:pk>/prompt/", prompt.client_prompt, name="client-prompt"),
    path("clients/<uuid:pk>/rehearsals/", tryouts.bench, name="client-bench"),
    path("clients/<uuid:pk>/rehearsals/new/", tryouts.bench_run, name="client-bench-run"),
    path("clients/<uuid:pk>/rules/new/", tryouts.rule_new, name="client-rule-new"),
    path("rules/<uuid:pk>/remove/", tryouts.rule_remove, name="client-rule-remove"),
    path("rehearsals/<uuid:pk>/", tryouts.tryout, name="tryout"),
    path("clients/<uuid:pk>/duplicate/", actions.client_duplicate, name="client-duplicate"),
    path("clients/<uuid:pk>/archive/", actions.client_archive, name="client-archive"),
    path("clients/<uuid:pk>/restore/", actions.client_restore, name="client-restore"),
    path("clients/<uuid:pk>/share/", actions.client_share, name="client-share"),
    path("clients/<uuid:pk>/open/", actions.client_open, name="client-open"),
    path("clients/<uuid:pk>/delete/", actions.client_delete, name="client-delete"),
    path("sections/<uuid:pk>/tutors/", tutors.section_tutors, name="section-tutors"),
    path("tutors/preference/", tutors.preference, name="tutor-preference"),
    path("tutors/preference/told/", tutors.preference_told, name="tutor-preference-told"),
]
