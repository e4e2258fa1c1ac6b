"""Sign-in, sign-out, and passwords."""

from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import views
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse_lazy
from django.utils.translation import gettext as _

from accounts.backends import demo_allowed
from accounts.demo import DEMO_PASSWORD, DEMO_PEOPLE
from accounts.forms import SendResetForm, SignInForm


class SignIn(views.LoginView):
    """The one door: e-mail and password."""

    template_name = "accounts/login.html"
    form_class = SignInForm
    redirect_authenticated_user = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """The demo's sign-ins are shown only where they work."""
        demo = {"demo_people": DEMO_PEOPLE, "demo_password": DEMO_PASSWORD} if demo_allowed(self.request) else {}
        return super().get_context_data(**kwargs) | demo

    def form_invalid(self, form: SignInForm) -> HttpResponse:  # type: ignore[override]
        """The form again, with what was typed but the password; 429 with the wait after too many attempts."""
        response = super().form_invalid(form)
        if form.retry_after:
            response.status_code = HTTPStatus.TOO_MANY_REQUESTS
            response.headers["Retry-After"] = str(form.retry_after)
        return response


class PasswordChange(views.PasswordChangeView):
    """A new password for someone who knows the old one; other sign-ins end, this one stays."""

    template_name = "accounts/password_change.html"
    success_url = reverse_lazy("password_change_done")


class PasswordReset(views.PasswordResetView):
    """Asks for a reset by mail; where no mail is configured it says whom to ask instead."""

    template_name = "accounts/password_reset.html"
    email_template_name = "accounts/mail/password_reset.txt"
    subject_template_name = "accounts/mail/password_reset_subject.txt"
    form_class = SendResetForm
    success_url = reverse_lazy("password_reset_done")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Whether a form makes sense here."""
        return super().get_context_data(mail_configured=settings.MAIL_CONFIGURED, **kwargs)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Mail the link, or explain once more."""
        if not settings.MAIL_CONFIGURED:
            return self.get(request, *args, **kwargs)
        return super().post(request, *args, **kwargs)


class PasswordResetConfirm(views.PasswordResetConfirmView):
    """Sets a new password by a link from a mail or from staff, once."""

    template_name = "accounts/password_reset_confirm.html"
    success_url = reverse_lazy("password_reset_complete")


@login_required
def password_change_done(request: HttpRequest) -> HttpResponse:
    """Back to the account, with the word that it worked."""
    messages.success(request, _("Your password is changed. You are signed out everywhere else."))
    return redirect("profile")
