"""Wires everything together: settings, urls, asgi, celery, the admin site, and the commands that start the portal."""
