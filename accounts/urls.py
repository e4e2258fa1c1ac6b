"""Routes of accounts."""

from django.contrib.auth import views as auth
from django.urls import path

from accounts.views import budgets, invitations, joining, notifications, profile, rosters, sections, sign_in

urlpatterns = [
    path("", profile.home, name="home"),
    path("help/", profile.help_page, name="help"),
    path("school/logo", profile.school_logo, name="school-logo"),
    path("accounts/login/", sign_in.SignIn.as_view(), name="login"),
    path("accounts/logout/", auth.LogoutView.as_view(), name="logout"),
    path("accounts/profile/", profile.profile, name="profile"),
    path("accounts/budget/", budgets.budget, name="budget"),
    path("accounts/password/", sign_in.PasswordChange.as_view(), name="password_change"),
    path("accounts/password/done/", sign_in.password_change_done, name="password_change_done"),
    path("accounts/reset/", sign_in.PasswordReset.as_view(), name="password_reset"),
    path(
        "accounts/reset/sent/",
        auth.PasswordResetDoneView.as_view(template_name="accounts/password_reset_done.html"),
        name="password_reset_done",
    ),
    path("accounts/reset/<uidb64>/<token>/", sign_in.PasswordResetConfirm.as_view(), name="password_reset_confirm"),
    path(
        "accounts/reset/complete/",
        auth.PasswordResetCompleteView.as_view(template_name="accounts/password_reset_complete.html"),
        name="password_reset_complete",
    ),
    path("accounts/invitations/", invitations.invitation_list, name="invitation-list"),
    path("accounts/invitations/new/", invitations.invitation_new, name="invitation-new"),
    path("accounts/invitations/<uuid:pk>/reissue/", invitations.invitation_reissue, name="invitation-reissue"),
    path("accounts/invitations/<uuid:pk>/revoke/", invitations.invitation_revoke, name="invitation-revoke"),
    path("accounts/invitations/accept/<str:token>/", invitations.invitation_accept, name="invitation-accept"),
    path("accounts/password-link/", invitations.password_link, name="password-link"),
    path("notifications/", notifications.notification_list, name="notification-list"),
    path("notifications/read/", notifications.notifications_read, name="notifications-read"),
    path("notifications/settings/", notifications.notification_settings, name="notification-settings"),
    path("notifications/<uuid:pk>/", notifications.notification, name="notification"),
    path("join/", joining.section_join, name="section-join"),
    path("sections/", sections.section_list, name="section-list"),
    path("sections/new/", sections.section_new, name="section-new"),
    path("sections/<uuid:pk>/", sections.section, name="section"),
    path("sections/<uuid:pk>/edit/", sections.section_edit, name="section-edit"),
    path("sections/<uuid:pk>/archive/", sections.section_archive, name="section-archive"),
    path("sections/<uuid:pk>/reopen/", sections.section_reopen, name="section-reopen"),
    path("sections/<uuid:pk>/code/", sections.section_code, name="section-code"),
    path("sections/<uuid:pk>/sheet/", sections.section_sheet, name="section-sheet"),
    path("sections/<uuid:pk>/teachers/", sections.teacher_add, name="section-teacher-add"),
    path("sections/<uuid:pk>/teachers/<uuid:person>/part/", sections.teacher_part, name="section-teacher-part"),
    path("sections/<uuid:pk>/teachers/<uuid:person>/remove/", sections.teacher_remove, name="section-teacher-remove"),
    path("sections/<uuid:pk>/students/<uuid:person>/remove/", sections.student_remove, name="section-student-remove"),
    path("sections/<uuid:pk>/students/<uuid:person>/return/", sections.student_return, name="section-student-return"),
    path("rosters/new/", rosters.roster_new, name="roster-new"),
    path("rosters/<uuid:pk>/", rosters.roster, name="roster"),
    path("rosters/<uuid:pk>/discard/", rosters.roster_discard, name="roster-discard"),
    path("rosters/imports/<uuid:pk>/", rosters.roster_report, name="roster-report"),
]
