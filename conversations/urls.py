"""Routes of conversations."""

from django.urls import path

from conversations.views import notice, practice, rubrics, scoring, sessions, teaching, transcripts

urlpatterns = [
    path("notice/", notice.notice, name="notice"),
    path("practice/", practice.practice, name="practice"),
    path("practice/<uuid:pk>/", practice.practice_client, name="practice-client"),
    path("practice/<uuid:pk>/start/", practice.practice_start, name="practice-start"),
    path("sessions/", sessions.session_list, name="session-list"),
    path("sessions/<uuid:pk>/", sessions.session_page, name="session"),
    path("sessions/<uuid:pk>/pause/", sessions.session_pause, name="session-pause"),
    path("sessions/<uuid:pk>/resume/", sessions.session_resume, name="session-resume"),
    path("sessions/<uuid:pk>/end/", sessions.session_end, name="session-end"),
    path("sessions/<uuid:pk>/ended/", sessions.session_ended, name="session-ended"),
    path("sessions/<uuid:pk>/model/", sessions.session_model, name="session-model"),
    path("sessions/<uuid:pk>/transcript/", transcripts.transcript, name="transcript"),
    path("sessions/<uuid:pk>/transcript.md", transcripts.transcript_markdown, name="transcript-markdown"),
    path("sessions/<uuid:pk>/transcript.txt", transcripts.transcript_text, name="transcript-text"),
    path("teaching/", teaching.teaching, name="teaching"),
    path("clients/<uuid:pk>/test/", teaching.client_test, name="client-test"),
    path("tests/", teaching.test_list, name="test-list"),
    path("rubrics/", rubrics.rubric_list, name="rubric-list"),
    path("rubrics/new/", rubrics.rubric_new, name="rubric-new"),
    path("rubrics/<uuid:pk>/", rubrics.rubric_detail, name="rubric-detail"),
    path("rubrics/<uuid:pk>/edit/", rubrics.rubric_edit, name="rubric-edit"),
    path("rubrics/<uuid:pk>/copy/", rubrics.rubric_copy, name="rubric-copy"),
    path("rubrics/<uuid:pk>/archive/", rubrics.rubric_archive, name="rubric-archive"),
    path("rubrics/<uuid:pk>/restore/", rubrics.rubric_restore, name="rubric-restore"),
    path("rubrics/<uuid:pk>/delete/", rubrics.rubric_delete, name="rubric-delete"),
    path("sessions/<uuid:pk>/scoring/", scoring.scoring, name="scoring"),
    path("sessions/<uuid:pk>/scoring/release/", scoring.scoring_release, name="scoring-release"),
    path("sessions/<uuid:pk>/scoring/withdraw/", scoring.scoring_withdraw, name="scoring-withdraw"),
]
