"""Pages of accounts: sign-in and passwords, one's own profile and help, invitations and one-time links."""
