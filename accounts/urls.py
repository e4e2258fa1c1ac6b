"""Routes of accounts."""

from django.contrib.auth import views as auth
from django.urls import path

from accounts.views import invitations, profile, sign_in

urlpatterns = [
    path("", profile.home, name="home"),
    path("help/", profile.help_page, name="help"),
    path("school/logo", profile.school_logo, name="school-logo"),
    path("accounts/login/", sign_in.SignIn.as_view(), name="login"),
    path("accounts/logout/", auth.LogoutView.as_view(), name="logout"),
    path("accounts/profile/", profile.profile, name="profile"),
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
]
